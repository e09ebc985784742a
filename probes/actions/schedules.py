"""Changing when the resources of a schedule are due."""

from datetime import datetime
from typing import Final

from django.db import connection, transaction

from probes.models import Resource, Schedule
from probes.policy import slots

_AT_ONCE: Final = 5000
_WHEN: Final = ("interval_seconds", "crontab", "zone")

_RESCHEDULE: Final = """
UPDATE probes_resource AS resource
SET next_due_at = given.next_due_at, spacing_seconds = given.spacing_seconds, turn = given.turn
FROM unnest(%s::bigint[], %s::timestamptz[], %s::integer[], %s::integer[])
    AS given (id, next_due_at, spacing_seconds, turn)
WHERE resource.id = given.id
"""


def save(schedule: Schedule, *, now: datetime) -> Schedule:
    """Validate and store a new or changed schedule; what takes it is due by it from now on.

    Not at once: a hundred thousand resources may take it. Two statements for each 5,000 of them. Raises
    `ValidationError` by field, and then nothing is stored.
    """
    with transaction.atomic():
        before = Schedule.objects.select_for_update(no_key=True).filter(pk=schedule.pk).first()
        schedule.full_clean()
        schedule.save()
        if before is not None and any(getattr(before, name) != getattr(schedule, name) for name in _WHEN):
            _reschedule(schedule, now)
    return schedule


def _reschedule(schedule: Schedule, now: datetime) -> None:
    calendar, last = schedule.calendar, 0
    while True:
        taking = Resource.objects.filter(schedule=schedule, pk__gt=last).order_by("pk")
        rows = list(
            taking.only("turn", "interval_seconds", "spacing_seconds").select_for_update(no_key=True)[:_AT_ONCE]
        )
        if not rows:
            return
        given = []
        for row in rows:
            row.schedule = schedule
            row.follow_schedule(now)
            due = slots.upcoming(now, key=row.pk, interval_seconds=row.every_seconds, calendar=calendar)
            given.append((row.pk, due, row.spacing_seconds, row.turn))
        with connection.cursor() as cursor:
            cursor.execute(_RESCHEDULE, [list(column) for column in zip(*given, strict=True)])
        last = rows[-1].pk
