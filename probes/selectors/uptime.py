"""Uptime of one resource over a range: from days and hours that are summed up, and at the ends from the history."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Max, Min, Q

from probes.models import (
    ALL_REGIONS,
    DayRollUp,
    HourRollUp,
    MaintenanceOccurrence,
    Outcome,
    Pause,
    Region,
    Resource,
    RollUp,
    RollUpProgress,
    VerdictChange,
)
from probes.policy.intervals import Interval
from probes.policy.latency import histograms
from probes.policy.rollup import DAY, HOUR, Rolled, pieces, total
from probes.policy.uptime import Said, Shown, Stretch, Tally, shown, tally, timeline
from probes.policy.verdict import fresh_for
from probes.protocol.taxonomy import Status
from probes.selectors.terms import terms_of

_SECOND: Final = timedelta(seconds=1)
_LENGTHS: Final = {RollUpProgress.Unit.HOUR: HOUR, RollUpProgress.Unit.DAY: DAY}


def rolled_until(unit: RollUpProgress.Unit = RollUpProgress.Unit.HOUR) -> datetime | None:
    """Return the start of the first hour, or day, that is not rolled up; None where none ever was."""
    units = RollUpProgress.objects.filter(unit=unit)
    unfinished: datetime | None = units.filter(finished_at=None).aggregate(Min("starts_at"))["starts_at__min"]
    if unfinished is not None:
        return unfinished
    last: datetime | None = units.aggregate(Max("starts_at"))["starts_at__max"]
    return last + _LENGTHS[unit] if last else None


def rolled(resource: Resource, over: Interval, *, region: Region | None = None) -> Rolled:
    """Return the sums of a range, seen from one region or over all of them.

    Seconds are exact. At the ragged ends of the range, which are less than an hour and what is not rolled up yet,
    outcomes are not counted and nothing is timed. What lies before the first roll-up is unknown.
    """
    taken = pieces(
        over,
        hours_until=rolled_until() or over.start,
        days_until=rolled_until(RollUpProgress.Unit.DAY) or over.start,
    )
    rows = [_row(item) for item in _rows(resource, region, taken.days, taken.hours)]
    wholes = [*([taken.days] if taken.days else []), *taken.hours]
    told = total(rows).seconds
    # A region that said nothing in an hour has no row for it.
    silent = sum((item.end - item.start) // _SECOND for item in wholes) - told.counted - told.left_out
    ends = sum((tally(stretches(resource, end, region=region)) for end in taken.ends), Tally(unknown=silent))
    return total([*rows, Rolled(seconds=ends)])


def stretches(resource: Resource, over: Interval, *, region: Region | None = None) -> list[Stretch]:
    """Return the timeline of a range, from the history itself; from one region as far as its outcomes reach."""
    return timeline(
        _outcomes(resource, over, region) if region else _verdicts(resource, over),
        over=over,
        maintenance=maintenance(resource, over, region=region),
        paused=_pauses(resource, over),
    )


def maintenance(resource: Resource, over: Interval, *, region: Region | None = None) -> list[Interval]:
    """Return when work was planned that concerns the resource, as seen from the region or over all of them."""
    concerned = Q(resource_ids=[], group_ids=[], registry_ids=[])
    concerned |= Q(resource_ids__contains=[resource.pk]) | Q(registry_ids__contains=[resource.registry_id])
    if resource.group_id is not None:
        concerned |= Q(group_ids__contains=[resource.group_id])
    seen = Q(region_ids=[]) | Q(region_ids__contains=[region.pk]) if region else Q(region_ids=[])
    found = MaintenanceOccurrence.objects.filter(concerned, seen, ends_at__gt=over.start, starts_at__lt=over.end)
    return [Interval(start, end) for start, end in found.values_list("starts_at", "ends_at")]


def _rows(
    resource: Resource, region: Region | None, days: Interval | None, hours: Sequence[Interval]
) -> Iterator[RollUp]:
    region_id = region.pk if region else ALL_REGIONS
    if days:
        yield from DayRollUp.objects.filter(_starting_in(days), resource_id=resource.pk, region_id=region_id)
    for some in hours:
        yield from HourRollUp.objects.filter(_starting_in(some), resource_id=resource.pk, region_id=region_id)


def _starting_in(interval: Interval) -> Q:
    return Q(starts_at__gte=interval.start, starts_at__lt=interval.end)


def _row(row: RollUp) -> Rolled:
    return Rolled(
        outcomes={status: count for status in Status if (count := getattr(row, f"outcomes_{status}"))},
        without_egress=row.without_egress or 0,
        seconds=Tally(**{state.value: getattr(row, f"seconds_{state}") or 0 for state in Shown}),
        latency=histograms(row.latency or ()),
    )


def _verdicts(resource: Resource, over: Interval) -> list[Said]:
    changes = VerdictChange.objects.filter(resource=resource, at__lt=over.end).order_by("at", "id")
    first = changes.filter(at__lt=over.start).last()
    within = changes.filter(at__gte=over.start)
    return [Said(item.at, Shown(item.state)) for item in [*([first] if first else []), *within]]


def _outcomes(resource: Resource, over: Interval, region: Region) -> list[Said]:
    terms = terms_of([resource])[resource.pk]
    holds = fresh_for(resource.interval_seconds, region.stride, terms.fresh_intervals)
    kept = over.start - min(holds, timedelta(days=settings.KAIROS_RETENTION_DAYS))
    found = Outcome.objects.filter(resource=resource, region=region, egress_down=False)
    within = found.filter(slot__gte=over.start, slot__lt=over.end)
    first = found.filter(slot__gte=kept, slot__lt=over.start)
    told = ("slot", "status", "reason")
    rows = [*first.order_by("-slot").values_list(*told)[:1], *within.values_list(*told)]
    return [Said(slot, shown(Status(status), reason), lapses_at=slot + holds) for slot, status, reason in rows]


def _pauses(resource: Resource, over: Interval) -> Iterable[Interval]:
    found = Pause.objects.filter(
        Q(ends_at=None) | Q(ends_at__gt=over.start), resource=resource, starts_at__lt=over.end
    )
    for start, end in found.values_list("starts_at", "ends_at"):
        yield Interval(start, end or over.end)
