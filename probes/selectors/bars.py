"""Bars of timelines, for a page of resources or for the regions of one: what was shown when, bucket by bucket.

Short windows are laid out of what is written down as it happens. Long ones are read from roll-ups, and what is not
rolled up yet as the short ones are: so a bar has the seconds that uptime has of the same range (`selectors.uptime`),
and costs the same however long the history before it is.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection

from probes.models import ALL_REGIONS, MaintenanceOccurrence, Region, Resource
from probes.policy.buckets import Bar, Cause, Part, cut, parts_of
from probes.policy.grid import Grid, length_for, second
from probes.policy.intervals import Interval
from probes.policy.rollup import HOUR, whole_hours
from probes.policy.terms import Terms
from probes.policy.uptime import Said, Shown, timeline
from probes.selectors import maintenance, timelines
from probes.selectors.ahead import Answer, sent
from probes.selectors.rolled import ROLLED, Rolled, question

MOST_CAUSES: Final = 200
"""So many incidents of a resource are looked through for why it was bad, the newest first."""

# What each resource was said to be, when it was paused, and why it was bad: one row for each, in order.
_WRITTEN: Final = """
SELECT wanted.id, told.kind, told.at, told.until, told.word
FROM unnest(%(resources)s::bigint[]) AS wanted (id) CROSS JOIN LATERAL (
    (SELECT 'said' AS kind, at, NULL::timestamptz AS until, state AS word, id AS place FROM probes_verdictchange
     WHERE resource_id = wanted.id AND at < %(live)s ORDER BY at DESC, id DESC LIMIT 1)
    UNION ALL
    (SELECT 'said', at, NULL, state, id FROM probes_verdictchange
     WHERE resource_id = wanted.id AND at >= %(live)s AND at < %(end)s)
    UNION ALL
    (SELECT 'paused', starts_at, ends_at, '', id FROM probes_pause
     WHERE resource_id = wanted.id AND starts_at < %(end)s
         AND (ends_at IS NULL OR ends_at > %(live)s AND ends_at > starts_at))
    UNION ALL
    (SELECT 'bad', began_at, resolved_at, failure, id FROM probes_incident
     WHERE resource_id = wanted.id AND opened_at < %(end)s AND (resolved_at IS NULL OR resolved_at > %(start)s)
     ORDER BY opened_at DESC LIMIT %(most)s)
) AS told ORDER BY told.at, told.place
"""


@dataclass(frozen=True, slots=True)
class Begun:
    """A page of bars of which the longest question, that for roll-ups, has been asked."""

    resources: Sequence[Resource]
    over: Interval
    grid: Grid
    answer: Answer

    def read(self) -> "Histories":
        """Read the rest. Two queries at most; none for no resources."""
        rolled = Rolled.of(self.answer.rows, self.over, self.grid)
        if not self.resources:
            return Histories(self, rolled, _Written(), [])
        live = rolled.live
        written = _Written.read([resource.pk for resource in self.resources], over=self.over, live=live)
        return Histories(self, rolled, written, maintenance.during(self.resources, live) if live else [])


@dataclass(frozen=True, slots=True)
class Histories:
    """What the bars of a page are made of."""

    _begun: Begun
    _rolled: Rolled
    _written: "_Written"
    _planned: Sequence[MaintenanceOccurrence]

    def bars(self) -> Mapping[int, Bar]:
        """Return by its id the bar of each resource. No query."""
        return {resource.pk: self._bar(resource) for resource in self._begun.resources}

    def _bar(self, resource: Resource) -> Bar:
        key, live = (resource.pk, ALL_REGIONS), self._rolled.live
        parts = list(self._rolled.parts[key])
        if live:
            parts += self._written.parts(resource, live, self._planned)
        return cut(
            self._begun.grid,
            parts,
            filled=self._rolled.filled.get(key),
            born=second(resource.created_at),
            causes=self._written.causes[resource.pk],
        )


@contextmanager
def begun(resources: Sequence[Resource], window: Interval, *, now: datetime) -> Iterator[Begun]:
    """Ask for bars of these resources by the verdicts over all regions. The block runs meanwhile (`ahead.sent`).

    The window is read in whole hours, to `now` at the latest (`whole_hours`); it raises `ValueError` where all of it
    is still to come. A reason is the failure of the incident of that time. That of an image over which somebody has
    no reach is not asked for here: the resources are those that may be shown. One query, or none.
    """
    over = whole_hours(window, now=now)
    grid = Grid.of(over)
    asked = question([resource.pk for resource in resources], [ALL_REGIONS], over, grid)
    if not resources or not asked:
        yield Begun(resources, over, grid, Answer())
        return
    with sent(ROLLED, asked) as answer:
        yield Begun(resources, over, grid, answer)


@dataclass(frozen=True, slots=True)
class Course:
    """A resource's bar by the verdicts over all regions, and by its id that of each region: of the same slots."""

    verdict: Bar
    lanes: Mapping[int, Bar]


def lanes(resource: Resource, regions: Sequence[Region], window: Interval, *, now: datetime) -> Mapping[int, Bar]:
    """Return by its id the bar of each region, as `course` has them."""
    return course(resource, regions, window, now=now).lanes if regions else {}


def course(
    resource: Resource,
    regions: Sequence[Region],
    window: Interval,
    *,
    now: datetime,
    terms: Terms | None = None,
    planned: Sequence[MaintenanceOccurrence] | None = None,
) -> Course:
    """Return the bars of a resource: by its verdicts, and as each region saw it for itself, with its checks.

    `window` is read as by `begun`. The resource comes with its group; what is given of the terms in force, and
    of the work that was `planned` over the window, is not read again. Reasons are those of outcomes, where these are
    still kept whole; of what is read from roll-ups they are not told. Five queries at most.
    """
    over = whole_hours(window, now=now)
    grid = Grid.of(over, _length_of_lanes(over, now))
    asked = question([resource.pk], [ALL_REGIONS, *(region.pk for region in regions)], over, grid)
    rolled = Rolled.of(_rows(ROLLED, asked) if asked else (), over, grid)
    live = rolled.live
    written = _Written.read([resource.pk], over=over, live=live)
    if planned is None:
        planned = maintenance.during([resource], live) if live else []
    known = {resource.pk: terms} if terms else None
    outcomes = timelines.outcomes([resource], live, regions, terms=known) if live and regions else []
    born = second(resource.created_at)
    parts = list(rolled.parts[resource.pk, ALL_REGIONS])
    if live:
        parts += written.parts(resource, live, planned)
    seen: dict[int, Bar] = {}
    for region in regions:
        own = [item for item in outcomes if item.region_id == region.pk]
        theirs, checks = list(rolled.parts[resource.pk, region.pk]), rolled.checks[resource.pk, region.pk].copy()
        if live:
            work = [Interval(item.starts_at, item.ends_at) for item in planned if item.concerns(resource, region.pk)]
            said = [item.said for item in own]
            shown = timeline(said, over=live, maintenance=work, paused=written.paused[resource.pk])
            theirs += parts_of(shown, said, live)
            checks.update(grid.place(second(item.said.at)) for item in own if item.said.at in live)
        causes = _causes(own, live) if live else []
        seen[region.pk] = cut(grid, theirs, born=born, causes=causes, checks=checks)
    filled = rolled.filled.get((resource.pk, ALL_REGIONS))
    return Course(cut(grid, parts, filled=filled, born=born, causes=written.causes[resource.pk]), seen)


def _length_of_lanes(over: Interval, now: datetime) -> timedelta:
    """Return how long the buckets of lanes are. Older than outcomes are kept there are whole hours alone."""
    kept = now - timedelta(days=settings.KAIROS_RETENTION_DAYS)
    return length_for(over.end - over.start, at_least=HOUR if over.start < kept else timedelta.resolution)


def _causes(outcomes: Sequence[timelines.Told], live: Interval) -> list[Cause]:
    """Return why a region could not have it: each outcome that was bad, until the next or until it lapsed."""
    ends = [*(item.said.at for item in outcomes[1:]), live.end]
    return [
        Cause(second(item.said.at), second(min(end, item.said.lapses_at or end)) + 1, item.reason)
        for item, end in zip(outcomes, ends, strict=False)
        if item.said.state in (Shown.UNAVAILABLE, Shown.DEGRADED)
    ]


@dataclass(frozen=True, slots=True)
class _Written:
    """What is written down of each resource as it happens."""

    said: Mapping[int, list[Said]] = field(default_factory=lambda: defaultdict(list))
    paused: Mapping[int, list[Interval]] = field(default_factory=lambda: defaultdict(list))
    causes: Mapping[int, list[Cause]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def read(cls, resource_ids: Sequence[int], *, over: Interval, live: Interval | None) -> "_Written":
        """Read why they were bad over the whole range, and all else of what is not rolled up. One query."""
        found = cls()
        asked = {
            "resources": list(resource_ids),
            "start": over.start,
            "end": over.end,
            "live": live.start if live else over.end,
            "most": MOST_CAUSES,
        }
        for resource_id, kind, at, until, word in _rows(_WRITTEN, asked):
            if kind == "said":
                found.said[resource_id].append(Said(at, Shown(word)))
            elif kind == "paused":
                found.paused[resource_id].append(Interval(at, max(until or over.end, at + timedelta.resolution)))
            else:
                found.causes[resource_id].append(Cause(second(at), second(until or over.end) + 1, word))
        return found

    def parts(self, resource: Resource, live: Interval, planned: Sequence[MaintenanceOccurrence]) -> Iterable[Part]:
        said = self.said[resource.pk]
        work = [Interval(item.starts_at, item.ends_at) for item in planned if item.concerns(resource, ALL_REGIONS)]
        shown = timeline(said, over=live, maintenance=work, paused=self.paused[resource.pk])
        return parts_of(shown, said, live)


def _rows(statement: str, asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
