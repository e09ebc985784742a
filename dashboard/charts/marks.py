"""Times beneath a chart, at equal distances from end to end. PURE."""

from datetime import datetime
from typing import Final

from probes.policy.grid import Grid, instant

_PARTS: Final = 4
_TWO_DAYS: Final = 2 * 86_400


def marks(grid: Grid) -> list[tuple[datetime, str]]:
    """Return five times from the start of the first slot to the end of the last, and how each is written in UTC.

    Of days the date, else the time of day.
    """
    start, end = grid.origin, grid.bounds(grid.count - 1)[1]
    times = [instant(start + (end - start) * number // _PARTS) for number in range(_PARTS + 1)]
    is_of_days = grid.end - grid.start > _TWO_DAYS
    return [(mark, f"{mark.day} {mark:%b}" if is_of_days else f"{mark:%H:%M}") for mark in times]
