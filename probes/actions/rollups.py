"""Rolling up: each hour a while after it has ended, each day after its hours, and again what came late.

Work is done a thousand resources at a time, each in a transaction that notes how far it came. So it may be
interrupted anywhere and goes on there, and several may work at once: each takes another hour.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import Max, Min

from probes.actions import partitions, rolling, sums
from probes.models import Outcome, Resource, RollUpProgress
from probes.policy.rollup import DAY, HOUR, floor
from probes.selectors.uptime import rolled_until

LATE_AFTER: Final = timedelta(minutes=10)
"""Who stores an outcome so long after its hour notes that it is late, so that the hour is rolled up again."""

ROLLED_AFTER: Final = LATE_AFTER + timedelta(minutes=2)
"""By then whoever did not have to note it has committed: no task takes as long as the difference."""

_AT_ONCE: Final = 1000
_HOURS_AT_ONCE: Final = 24
_Unit = RollUpProgress.Unit

# A mark that is there is locked as well: what corrects its hour meanwhile would not see the outcome yet, and take it.
_NOTE: Final = """
INSERT INTO probes_lateoutcome (resource_id, starts_at)
SELECT * FROM unnest(%s::bigint[], %s::timestamptz[])
ON CONFLICT (resource_id, starts_at) DO UPDATE SET starts_at = excluded.starts_at
"""

_TAKE: Final = """
DELETE FROM probes_lateoutcome WHERE id IN (
    SELECT late.id FROM probes_lateoutcome AS late
    JOIN probes_rollupprogress AS progress ON progress.unit = 'hour' AND progress.starts_at = late.starts_at
    WHERE progress.finished_at IS NOT NULL ORDER BY late.id LIMIT %s FOR UPDATE OF late SKIP LOCKED
) RETURNING starts_at, resource_id
"""


def note_late(until: Mapping[tuple[int, datetime], datetime], *, now: datetime) -> int:
    """Note the hours that outcomes for (resource id, slot) change, each up to when it holds at most.

    Only hours that may have been rolled up by `now` are noted; returns how many. Call it in the transaction that
    stores them. Usually there are none, and then nothing is asked of the database.
    """
    rolled = floor(now - LATE_AFTER, HOUR)
    marks: set[tuple[int, datetime]] = set()
    for (resource_id, slot), lapses_at in until.items():
        hour = floor(slot, HOUR)
        while hour < rolled and hour < lapses_at:
            marks.add((resource_id, hour))
            hour += HOUR
    if marks:
        columns = zip(*sorted(marks), strict=True)
        with connection.cursor() as cursor:
            cursor.execute(_NOTE, [list(column) for column in columns])
    return len(marks)


def open_units(*, now: datetime) -> None:
    """Note the hours and days that are to be rolled up by `now`; the oldest come first, a day's worth at once."""
    last = RollUpProgress.objects.filter(unit=_Unit.HOUR).aggregate(Max("starts_at"))["starts_at__max"]
    end = floor(now - ROLLED_AFTER, HOUR)
    start = last + HOUR if last else floor(_first_slot() or end, HOUR)
    hours = [start + number * HOUR for number in range(min(_HOURS_AT_ONCE, (end - start) // HOUR))]
    RollUpProgress.objects.bulk_create(
        [RollUpProgress(unit=_Unit.HOUR, starts_at=hour) for hour in hours], ignore_conflicts=True
    )
    until = rolled_until()
    if until is not None:
        known = RollUpProgress.objects.filter(unit=_Unit.DAY).aggregate(Max("starts_at"))["starts_at__max"]
        day = known + DAY if known else floor(_first_hour(), DAY)
        days = [day + number * DAY for number in range(max(0, (until - day) // DAY))]
        RollUpProgress.objects.bulk_create(
            [RollUpProgress(unit=_Unit.DAY, starts_at=start) for start in days], ignore_conflicts=True
        )


def advance(*, now: datetime) -> bool:
    """Do the next piece of work, in a transaction of its own; tell whether there was any."""
    with transaction.atomic():
        return _correct() or _go_on(now)


def _go_on(now: datetime) -> bool:
    work = (
        RollUpProgress.objects.filter(finished_at=None)
        .order_by("starts_at", "-unit")
        .select_for_update(skip_locked=True)
        .first()
    )
    if work is None:
        return False
    ids = list(
        Resource.objects.filter(pk__gt=work.resource_id).order_by("pk").values_list("pk", flat=True)[:_AT_ONCE]
    )
    if ids:
        _roll(work.unit, work.starts_at, ids)
        work.resource_id = ids[-1]
    if len(ids) < _AT_ONCE:
        work.finished_at = now
        if work.unit == _Unit.DAY:
            sums.sum_day(work.starts_at)
    work.save(update_fields=["resource_id", "finished_at"])
    return True


def _correct() -> bool:
    """Roll up again what came late, and the days that had been made of it."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [_AT_ONCE])
        taken = cursor.fetchall()
    for unit, starts in ((_Unit.HOUR, taken), (_Unit.DAY, _days(taken))):
        concerned: dict[datetime, set[int]] = defaultdict(set)
        for start, resource_id in starts:
            concerned[start].add(resource_id)
        for start in sorted(concerned):
            ids = sorted(concerned[start])
            _roll(unit, start, ids)
            if unit == _Unit.DAY:
                sums.sum_day(start, ids)
    return bool(taken)


def _days(taken: Iterable[tuple[datetime, int]]) -> list[tuple[datetime, int]]:
    """Return the days of these hours that have been begun; others will have the hours as they are now."""
    days = {(floor(start, DAY), resource_id) for start, resource_id in taken}
    progress = RollUpProgress.objects.filter(unit=_Unit.DAY, starts_at__in={day for day, _ in days})
    # Locked, as by whoever rolls the day up: of two sums of a day the one with the newer hours is written last.
    begun = set(progress.order_by("starts_at").select_for_update().values_list("starts_at", flat=True))
    return [item for item in days if item[0] in begun]


def _roll(unit: str, start: datetime, ids: list[int]) -> None:
    for partitioned in (*partitions.ROLL_UPS, *partitions.SUMS):
        partitions.ensure(partitioned, [start.date()])
    if unit == _Unit.DAY:
        rolling.roll_day(ids, start)
        return
    sums.take_out(ids, start)
    rolling.roll_hour(ids, start)
    sums.put_in(ids, start)


def _first_slot() -> datetime | None:
    first: datetime | None = Outcome.objects.order_by().aggregate(Min("slot"))["slot__min"]
    return first


def _first_hour() -> datetime:
    first: datetime = RollUpProgress.objects.filter(unit=_Unit.HOUR).aggregate(Min("starts_at"))["starts_at__min"]
    return first
