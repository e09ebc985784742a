"""Keys of regions, and how far a change of them has got."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from probes.models import RegionKey


def valid(now: datetime) -> Mapping[int, Sequence[RegionKey]]:
    """Return the keys that count by the ids of their regions, the oldest first. One query."""
    keys: dict[int, list[RegionKey]] = defaultdict(list)
    for key in RegionKey.objects.valid(now):
        keys[key.region_id].append(key)
    return keys


def told(keys: Sequence[RegionKey]) -> str:
    """Return in words how far a region's change of keys has got. `keys` are those that count, the oldest first."""
    if not keys:
        return "-"
    current, replaced = keys[-1], keys[:-1]
    used = "in use" if current.first_used_at else "not used yet"
    until = [f"{key.valid_until:%Y-%m-%d %H:%M} UTC" for key in replaced if key.valid_until]
    return "; ".join(
        [f"of {current.made_at:%Y-%m-%d}, {used}", *(f"the one before counts until {at}" for at in until)]
    )
