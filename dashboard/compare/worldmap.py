"""Regions on a map of the world. PURE: coordinates and looks in, places on the drawing out.

The drawing is `static/dashboard/world.svg`: equirectangular, two units a degree, from 84° N down to 60° S.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from dashboard.cells import region_name
from dashboard.side_by_side import Row
from dashboard.words import Look
from probes.models import Region

WIDTH: Final = 720
HEIGHT: Final = 288
_NORTH: Final = 84.0
_SCALE: Final = 2.0
_EDGE: Final = 8.0
_CLOSE: Final = 9.0
"""Names of places that are nearer to each other than this would lie on each other."""

_HALF: Final = 5.5
_LONG_NAME: Final = 640.0


@dataclass(frozen=True, slots=True)
class Spot:
    """A region on the map: where it is, what it sees now, and where its name stands."""

    slug: str
    name: str
    said: str
    look: Look
    x: str
    y: str
    symbol_x: str
    symbol_y: str
    name_x: str
    name_y: str
    is_left: bool


def spots(regions: Iterable[Region], rows: Iterable[Row]) -> Sequence[Spot]:
    """Return the regions that have coordinates, from north to south, with what each sees now."""
    seen = {row.slug: row for row in rows}
    placed = [region for region in regions if region.latitude is not None and region.slug in seen]
    found: list[Spot] = []
    taken: list[tuple[float, float]] = []
    for region in sorted(placed, key=lambda item: -(item.latitude or 0.0)):
        x, y = _at(region.latitude or 0.0, region.longitude or 0.0)
        name_y = y
        while any(abs(name_y - other_y) < _CLOSE and abs(x - other_x) < 90 for other_x, other_y in taken):
            name_y += _CLOSE
        taken.append((x, name_y))
        row, is_left = seen[region.slug], x > _LONG_NAME
        found.append(
            Spot(
                slug=region.slug,
                name=region_name(region),
                said=f"{region_name(region)}: {row.now}{f', available for {row.share}' if row.share else ''}",
                look=row.now_look or Look.UNKNOWN,
                x=f"{x:.1f}",
                y=f"{y:.1f}",
                symbol_x=f"{x - _HALF:.1f}",
                symbol_y=f"{y - _HALF:.1f}",
                name_x=f"{x - 10 if is_left else x + 10:.1f}",
                name_y=f"{name_y + 3:.1f}",
                is_left=is_left,
            )
        )
    return found


def _at(latitude: float, longitude: float) -> tuple[float, float]:
    """Return the place of coordinates on the drawing; what lies beyond its edge is at the edge."""
    x, y = (longitude + 180.0) * _SCALE, (_NORTH - latitude) * _SCALE
    return min(max(x, _EDGE), WIDTH - _EDGE), min(max(y, _EDGE), HEIGHT - _EDGE)
