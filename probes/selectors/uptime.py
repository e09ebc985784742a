"""Uptime over a range: from days and hours that are summed up, and at the ends from the history.

A resource is looked at from *viewpoints*: its regions, and None for the verdict over all of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Max, Min

from probes.models import ALL_REGIONS, DayRollUp, HourRollUp, OwnerKind, Region, Resource, RollUp, RollUpProgress
from probes.policy.intervals import Cover, Interval
from probes.policy.latency import histograms
from probes.policy.rollup import DAY, HOUR, Pieces, Rolled, pieces, total
from probes.policy.terms import Terms
from probes.policy.uptime import Shown, Stretch, Tally, tally
from probes.protocol.taxonomy import Status
from probes.selectors import sums, timelines
from probes.selectors.maintenance import during
from probes.selectors.sums import Sums

_SECOND: Final = timedelta(seconds=1)
_SECONDS: Final = {state: f"seconds_{state}" for state in Shown}
_ADDED: Final = f"""
SELECT region_id, width_bucket(starts_at, %(edges)s::timestamptz[]) AS between_edges, min(starts_at),
    {", ".join(f"sum({column})::bigint" for column in _SECONDS.values())}
FROM {{table}}
WHERE resource_id = %(resource)s AND region_id = ANY(%(keys)s::bigint[]) AND ({{within}})
GROUP BY region_id, between_edges
"""  # noqa: S608 - names of ours
_BOTH_ROLLED_UNTIL: Final = """
SELECT coalesce(
    (SELECT min(starts_at) FROM probes_rollupprogress WHERE unit = 'hour' AND finished_at IS NULL),
    (SELECT max(starts_at) + interval '1 h' FROM probes_rollupprogress WHERE unit = 'hour')
), coalesce(
    (SELECT min(starts_at) FROM probes_rollupprogress WHERE unit = 'day' AND finished_at IS NULL),
    (SELECT max(starts_at) + interval '1 day' FROM probes_rollupprogress WHERE unit = 'day')
)
"""

RolledUntil = tuple[datetime | None, datetime | None]
"""Up to when hours and days are rolled up; None of which none ever was."""

_LENGTHS: Final = {RollUpProgress.Unit.HOUR: HOUR, RollUpProgress.Unit.DAY: DAY}


def rolled_until(unit: RollUpProgress.Unit = RollUpProgress.Unit.HOUR) -> datetime | None:
    """Return the start of the first hour, or day, that is not rolled up; None where none ever was."""
    units = RollUpProgress.objects.filter(unit=unit)
    unfinished: datetime | None = units.filter(finished_at=None).aggregate(Min("starts_at"))["starts_at__min"]
    if unfinished is not None:
        return unfinished
    last: datetime | None = units.aggregate(Max("starts_at"))["starts_at__max"]
    return last + _LENGTHS[unit] if last else None


def both_rolled_until() -> RolledUntil:
    """Return what `rolled_until` does, of hours and of days. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_BOTH_ROLLED_UNTIL)
        hours, days = cursor.fetchone()
    return hours, days


def rolled(resource: Resource, over: Interval, *, region: Region | None = None) -> Rolled:
    """Return the sums of a range, seen from one region or over all of them, as `rolled_each` does."""
    (found,) = rolled_each(resource, [over], [region])
    return found[_key(region)]


def rolled_each(
    resource: Resource,
    overs: Sequence[Interval],
    viewpoints: Sequence[Region | None],
    *,
    timed: bool = True,
    terms: Terms | None = None,
    until: RolledUntil | None = None,
) -> list[Mapping[int, Rolled]]:
    """Return the sums of each range by region id, `ALL_REGIONS` for the verdict over all of them.

    Seconds are exact. At the ragged ends of a range, which are less than an hour and what is not rolled up yet,
    outcomes are not counted and nothing is timed. What lies before the first roll-up is unknown. If it is not to be
    `timed` there are the seconds alone, for a tenth of the time. With the `terms` in force they are not read again,
    nor what `both_rolled_until` says if that is given as `until`.

    Three queries, and five for what the ends cover: for ranges of whole hours up to now that is one interval.
    """
    hours_until, days_until = until or both_rolled_until()
    taken = _cut(overs, hours_until, days_until)
    rows = _Rows.read(resource, [_key(item) for item in viewpoints], taken, timed=timed)
    ends = _Ends.read(resource, [end for item in taken for end in item.ends], viewpoints, terms)
    return [
        {
            key: _summed(item, rows.within(item, key), [ends.tally(end, key) for end in item.ends])
            for key in map(_key, viewpoints)
        }
        for item in taken
    ]


def at_once(
    resource: Resource, taken: Pieces, viewpoints: Sequence[Region | None], *, timed: bool = True
) -> Mapping[int, Sums]:
    """Return the sums of one range as `rolled_each` does, added up by the database. One query, and those of its ends.

    `failed` is the last part of what is rolled up in which something was not available.
    """
    keys = [_key(item) for item in viewpoints]
    found = sums.of(sums.Source.of_resource(resource.pk), taken, keys, timed=timed)
    ends = _Ends.read(resource, taken.ends, viewpoints)
    length, told = sums.length_seconds(taken), {}
    for key in keys:
        one = found.get(key, Sums())
        silent = length - one.rolled.seconds.counted - one.rolled.seconds.left_out
        at_ends = sum((ends.tally(end, key) for end in taken.ends), Tally(unknown=silent))
        told[key] = replace(one, rolled=one.rolled + Rolled(seconds=at_ends))
    return told


def rolled_pieces(over: Interval) -> Pieces:
    """Cut a range into what is rolled up of it, and its ends. Two queries."""
    return _pieces([over])[0]


def of_group(group_id: int, over: Interval) -> tuple[Interval, Tally]:
    """Return the seconds of all that belonged to a group, by the verdicts over all regions, and what they are of.

    That is what is rolled up of the range. Each resource counts with its own seconds, in each hour in which it was
    of the group when that was rolled up (ADR 40). Three queries, however many resources there are.
    """
    (taken,) = _pieces([over])
    source = sums.Source.of_owner(OwnerKind.GROUP, group_id)
    found = sums.of(source, taken, [ALL_REGIONS], timed=False)
    told = Interval(over.start, sums.rolled_end(taken) or over.end)
    return told, found.get(ALL_REGIONS, Sums()).rolled.seconds


def maintenance(resource: Resource, over: Interval, *, region: Region | None = None) -> list[Interval]:
    """Return when work was planned that concerns the resource, as seen from the region or over all of them."""
    planned = during([resource], over)
    return [Interval(item.starts_at, item.ends_at) for item in planned if item.concerns(resource, _key(region))]


@dataclass(frozen=True, slots=True)
class _Rows:
    """What was rolled up: by region id, and for days and hours apart, the sums from each start."""

    days: Mapping[int, list[tuple[datetime, Rolled]]] = field(default_factory=dict)
    hours: Mapping[int, list[tuple[datetime, Rolled]]] = field(default_factory=dict)

    @classmethod
    def read(cls, resource: Resource, keys: Sequence[int], taken: Sequence[Pieces], *, timed: bool) -> "_Rows":
        """Read what the ranges hold. Two queries at most."""
        hours = [hours for item in taken for hours in item.hours]
        return cls(
            _read(DayRollUp, resource, keys, _days(taken), timed=timed),
            _read(HourRollUp, resource, keys, hours, timed=timed),
        )

    def within(self, item: Pieces, key: int) -> Iterator[Rolled]:
        for rows, wholes in ((self.days, _days([item])), (self.hours, item.hours)):
            for whole in wholes:  # they do not overlap
                start, end = whole.start, whole.end
                yield from (found for starts_at, found in rows.get(key, ()) if start <= starts_at < end)


@dataclass(frozen=True, slots=True)
class _Ends:
    """The timelines of what is read from the history: by region id, of intervals that do not overlap."""

    stretches: Mapping[int, list[Stretch]]

    @classmethod
    def read(
        cls,
        resource: Resource,
        ends: Sequence[Interval],
        viewpoints: Sequence[Region | None],
        terms: Terms | None = None,
    ) -> "_Ends":
        """Read what these ends cover, each instant once: windows that end alike share it."""
        found: dict[int, list[Stretch]] = {_key(item): [] for item in viewpoints}
        if ends:
            known = {resource.pk: terms} if terms else None
            outer = Interval(min(end.start for end in ends), max(end.end for end in ends))
            for over in Cover.of(ends, over=outer).intervals:
                for (_, key), stretches in timelines.of([resource], over, viewpoints, terms=known).items():
                    found[key] += stretches
        return cls(found)

    def tally(self, end: Interval, key: int) -> Tally:
        return tally(
            Stretch(part, stretch.state) for stretch in self.stretches[key] if (part := stretch.interval.within(end))
        )


def _pieces(overs: Iterable[Interval]) -> list[Pieces]:
    """Cut ranges into what is rolled up of them, and their ends. Two queries."""
    return _cut(overs, rolled_until(), rolled_until(RollUpProgress.Unit.DAY))


def _cut(overs: Iterable[Interval], hours_until: datetime | None, days_until: datetime | None) -> list[Pieces]:
    return [
        pieces(over, hours_until=hours_until or over.start, days_until=days_until or over.start) for over in overs
    ]


def _read(
    model: type[RollUp], resource: Resource, keys: Sequence[int], wholes: Sequence[Interval], *, timed: bool
) -> Mapping[int, list[tuple[datetime, Rolled]]]:
    found: dict[int, list[tuple[datetime, Rolled]]] = {key: [] for key in keys}
    if not wholes:
        return found
    if timed:
        rows = model.objects.filter(  # type: ignore[attr-defined]  # abstract, its children have a manager
            timelines.within("starts_at", wholes), resource_id=resource.pk, region_id__in=keys
        )
        for row in rows:
            found[row.region_id].append((row.starts_at, _row(row)))
        return found
    # Added up between two edges of the ranges: each range has all of that or nothing.
    asked: dict[str, Any] = {
        "resource": resource.pk,
        "keys": list(keys),
        "edges": sorted({edge for whole in wholes for edge in (whole.start, whole.end)}),
    }
    within = []
    for place, whole in enumerate(dict.fromkeys(wholes)):
        asked |= {f"start_{place}": whole.start, f"end_{place}": whole.end}
        within.append(f"starts_at >= %(start_{place})s AND starts_at < %(end_{place})s")
    statement = _ADDED.format(table=model._meta.db_table, within=" OR ".join(within))  # noqa: SLF001 - documented API
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        for key, _, starts_at, *seconds in cursor:
            counts = {state.value: count or 0 for state, count in zip(_SECONDS, seconds, strict=True)}
            found[key].append((starts_at, Rolled(seconds=Tally(**counts))))
    return found


def _summed(taken: Pieces, rows: Iterable[Rolled], ends: Iterable[Tally]) -> Rolled:
    """Return the sum of all pieces. Of an hour in which a region said nothing there is no row."""
    whole = total(rows)
    silent = _length(taken) - whole.seconds.counted - whole.seconds.left_out
    return whole + Rolled(seconds=sum(ends, Tally(unknown=silent)))


def _length(taken: Pieces) -> int:
    """Return how many seconds were rolled up."""
    return sum((item.end - item.start) // _SECOND for item in (*_days([taken]), *taken.hours))


def _days(taken: Iterable[Pieces]) -> list[Interval]:
    return [item.days for item in taken if item.days]


def _key(region: Region | None) -> int:
    return region.pk if region else ALL_REGIONS


def _row(row: RollUp) -> Rolled:
    return Rolled(
        outcomes={status: count for status in Status if (count := getattr(row, f"outcomes_{status}"))},
        without_egress=row.without_egress or 0,
        seconds=Tally(**{state.value: getattr(row, f"seconds_{state}") or 0 for state in Shown}),
        latency=histograms(row.latency or ()),
    )
