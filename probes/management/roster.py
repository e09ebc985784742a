"""The regions as lines of text, for `manage.py region list`."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from probes.models import Region
from probes.selectors import region_keys
from probes.selectors.regions import regions

_HEADINGS: Final = ("SLUG", "NAME", "CONDITION", "LAST SEEN", "KEYS")
_NOTHING: Final = "-"


def lines(*, now: datetime) -> Iterator[str]:
    """Yield a heading and a line for each region, in the order of their slugs. Two queries."""
    keys = region_keys.valid(now)
    rows = [_HEADINGS, *((*_row(region, now), region_keys.told(keys.get(region.pk, ()))) for region in regions())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(region: Region, now: datetime) -> tuple[str, ...]:
    seen = f"{(now - region.last_seen_at).total_seconds():.0f} s ago" if region.last_seen_at else _NOTHING
    return region.slug, region.name, region.condition.value, seen
