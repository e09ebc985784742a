"""Schedules: an interval or a crontab with a name, which resources take in place of their own interval."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext

from probes.actions import resources, schedules
from probes.actions.dispatch import claim_due
from probes.models import MissedSlots, Resource, Schedule
from tests.integration.control.conftest import MakeImages, Regions

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({}, "interval_seconds", "Say an interval, or a crontab."),
        ({"interval_seconds": 300, "crontab": "0 * * * *"}, "crontab", "not both"),
        ({"interval_seconds": 1}, "interval_seconds", "seconds to"),
        ({"crontab": "61 * * * *"}, "crontab", "Not a crontab: '61', not in 0-59 for Minutes."),
        ({"crontab": "0 0 31 2 *"}, "crontab", "there is no such day"),
        ({"crontab": "0 * * * *", "zone": "Mars/Olympus"}, "zone", "no time zone"),
    ],
)
def test_bad_schedule_is_refused_by_field(fields: dict[str, Any], field: str, message: str, now: datetime) -> None:
    with pytest.raises(ValidationError) as refused:
        schedules.save(Schedule(name="Bad", **fields), now=now)

    assert list(refused.value.message_dict) == [field]
    assert message in refused.value.message_dict[field][0]
    assert not Schedule.objects.exists()


def test_crontab_that_is_quicker_than_the_floor_is_refused(settings: Any, now: datetime) -> None:
    settings.KAIROS_INTERVAL_FLOOR_SECONDS = 300

    with pytest.raises(ValidationError, match="300 seconds apart"):
        schedules.save(Schedule(name="Often", crontab="* * * * *"), now=now)


def test_resource_of_a_crontab_is_claimed_at_its_minutes(
    regions: Regions, make_images: MakeImages, now: datetime
) -> None:
    hourly = schedules.save(Schedule(name="Hourly", crontab="30 * * * *"), now=now)
    make_images(schedule=hourly)

    claimed = claim_due(now)

    row = Resource.objects.get()
    assert (claimed.resources, row.next_due_at.replace(second=0)) == (1, now + HOUR / 2)
    assert (row.spacing_seconds, row.every_seconds, row.turn) == (3600, 3600, 1)
    assert row.interval_seconds == 300  # its own, should it leave the schedule
    due = row.next_due_at
    assert claim_due(due - timedelta(seconds=1)).resources == 0
    assert claim_due(due + 2 * HOUR).resources == 1
    row.refresh_from_db()
    assert (row.next_due_at, row.turn) == (due + 3 * HOUR, 4)
    gap = MissedSlots.objects.get()
    assert (gap.first_slot, gap.last_slot, gap.count) == (due, due + HOUR, 2)


def test_claim_of_many_takes_one_statement_more_however_many_have_a_crontab(
    regions: Regions, make_images: MakeImages, now: datetime
) -> None:
    counts = []
    hourly = Schedule.objects.create(name="Hourly", crontab="30 * * * *")
    for kind in ({}, {"schedule": hourly}):
        for number in range(3):
            resources.save(Resource(reference=f"ghcr.io/org/more-{number}:1", **kind), now=now)
        with CaptureQueriesContext(connection) as captured:
            assert claim_due(now).resources == 3
        counts.append(len(captured))

    assert counts[1] <= counts[0] + 1


def test_schedule_of_an_interval_says_when(regions: Regions, make_images: MakeImages, now: datetime) -> None:
    (image,) = make_images(schedule=Schedule.objects.create(name="Slow", interval_seconds=3600))

    claim_due(now)

    image.refresh_from_db()
    assert (image.every_seconds, image.turn) == (3600, None)
    assert HOUR / 2 <= image.next_due_at - now <= 1.5 * HOUR


def test_change_of_a_schedule_moves_what_takes_it_and_nothing_else(make_images: MakeImages, now: datetime) -> None:
    schedule = Schedule.objects.create(name="Slow", interval_seconds=3600)
    taking = make_images(3, schedule=schedule)
    other = resources.save(Resource(reference="ghcr.io/org/other:1"), now=now)
    Resource.objects.update(next_due_at=now + 5 * HOUR)
    schedule.interval_seconds, schedule.crontab = None, "*/10 * * * *"

    with CaptureQueriesContext(connection) as captured:
        schedules.save(schedule, now=now)

    found = Resource.objects.filter(pk__in=[image.pk for image in taking])
    assert {row.next_due_at.replace(second=0) for row in found} <= {now, now + HOUR / 6}
    assert all(now < row.next_due_at for row in found)
    assert {row.every_seconds for row in found} == {600}
    other.refresh_from_db()
    assert other.next_due_at == now + 5 * HOUR
    assert sum("UPDATE probes_resource" in query["sql"] for query in captured.captured_queries) == 1


def test_resource_that_takes_or_leaves_a_schedule_is_due_at_once(make_images: MakeImages, now: datetime) -> None:
    schedule = Schedule.objects.create(name="Slow", interval_seconds=3600)
    (image,) = make_images()
    for chosen, every in ((schedule, 3600), (None, 300)):
        Resource.objects.update(next_due_at=now + 5 * HOUR)
        image.schedule = chosen
        resources.save(image, now=now)
        assert (image.next_due_at, image.every_seconds) == (now, every)


def test_schedule_that_is_taken_is_not_deleted(make_images: MakeImages) -> None:
    schedule = Schedule.objects.create(name="Slow", interval_seconds=3600)
    make_images(schedule=schedule)

    with pytest.raises(ProtectedError):
        schedule.delete()
