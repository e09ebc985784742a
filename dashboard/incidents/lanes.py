"""What regions saw of a resource around an incident of it, as bars beneath each other. PURE: bars in, words out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils.safestring import SafeString

from dashboard import words
from dashboard.cells import region_name
from dashboard.charts.bars import timeline_bar, told
from dashboard.charts.marks import marks
from probes.models import Incident, Region
from probes.policy.buckets import Bar
from probes.policy.intervals import Interval

LEAST_AROUND: Final = timedelta(minutes=30)
"""So much is shown before it began and after it was over, or a tenth of it."""

LONGEST: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Lane:
    """One region's bar, and what it shows in words."""

    slug: str
    name: str
    bar: SafeString
    said: str


@dataclass(frozen=True, slots=True)
class Lanes:
    """The bars, times along them (`charts.marks`), and how long a slot of them is."""

    lanes: Sequence[Lane]
    marks: Sequence[tuple[datetime, str]]
    slot: str


def around(incident: Incident, now: datetime) -> Interval:
    """Return the time that is looked at: all of the incident with some around it, of a very long one its end."""
    end = incident.resolved_at or now
    rim = max(LEAST_AROUND, (end - incident.began_at) / 10)
    until = min(end + rim, now) if end < now else now
    return Interval(
        max(incident.began_at - rim, until - LONGEST), max(until, incident.began_at + timedelta(seconds=1))
    )


def lanes(regions: Sequence[Region], bars: Mapping[int, Bar]) -> Lanes | None:
    """Return what each region saw, in the order given; None where there is no bar. All have the same slots."""
    grid = next((bar.grid for bar in bars.values()), None)
    if grid is None:
        return None
    return Lanes(
        lanes=[
            Lane(
                slug=region.slug,
                name=region_name(region),
                bar=timeline_bar(
                    bars[region.pk], id=f"lane-{region.slug}", label=region_name(region), is_focusable=True
                ),
                said=told(bars[region.pk]),
            )
            for region in regions
            if region.pk in bars
        ],
        marks=marks(grid),
        slot=words.amount(grid.length),
    )
