"""The regions as lines of text, for `manage.py region list`."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from probes.models import Region, RegionKey
from probes.selectors.regions import regions

_HEADINGS: Final = ("SLUG", "NAME", "CONDITION", "LAST SEEN", "KEYS")
_NOTHING: Final = "-"


def lines(*, now: datetime) -> Iterator[str]:
    """Yield a heading and a line for each region, in the order of their slugs. Two queries."""
    keys: dict[int, list[RegionKey]] = defaultdict(list)
    for key in RegionKey.objects.valid(now):
        keys[key.region_id].append(key)
    rows = [_HEADINGS, *(_row(region, keys[region.pk], now) for region in regions())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(region: Region, keys: Sequence[RegionKey], now: datetime) -> tuple[str, ...]:
    seen = f"{(now - region.last_seen_at).total_seconds():.0f} s ago" if region.last_seen_at else _NOTHING
    return region.slug, region.name, region.condition.value, seen, _state_of(keys)


def _state_of(keys: Sequence[RegionKey]) -> str:
    """Return how far the change of keys has got. `keys` are the valid ones, the oldest first."""
    if not keys:
        return _NOTHING
    current, replaced = keys[-1], keys[:-1]
    used = "in use" if current.first_used_at else "not used yet"
    until = [
        f"the one before counts until {key.valid_until:%Y-%m-%d %H:%M} UTC" for key in replaced if key.valid_until
    ]
    return "; ".join([f"of {current.made_at:%Y-%m-%d}, {used}", *until])
