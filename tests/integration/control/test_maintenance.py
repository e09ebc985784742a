"""Planned work is written down ahead, and what has begun is history."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from probes.actions import maintenance, resources, verdicts
from probes.models import MaintenanceOccurrence, MaintenanceWindow, Region, Resource, ResourceGroup, Verdict
from probes.policy.intervals import Interval
from probes.selectors import uptime
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.control.waiting import in_a_thread, wait_until_somebody_waits

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def planned(now: datetime, *, at: time = time(13), on: timedelta = timedelta(0), **values: Any) -> MaintenanceWindow:
    targets = {name: values.pop(name, []) for name in ("resources", "groups", "registries", "regions")}
    fields = {"name": "Work", "duration_minutes": 120, "rule": "FREQ=DAILY", **values}
    window = MaintenanceWindow(starts_on=(now + on).date(), starts_at=at, **fields)
    return maintenance.save(window, **targets, now=now)


def times(**asked: Any) -> list[tuple[datetime, datetime]]:
    return list(
        MaintenanceOccurrence.objects.filter(**asked).order_by("starts_at").values_list("starts_at", "ends_at")
    )


def test_window_is_planned_up_to_the_horizon(now: datetime, make_images: MakeImages) -> None:
    (image,) = make_images()
    planned(now, resources=[image])
    found = times()
    assert found[0] == (now + HOUR, now + 3 * HOUR)
    assert len(found) == maintenance.HORIZON // DAY
    assert maintenance.extend(now=now + HOUR) == 0
    assert maintenance.extend(now=now + 10 * DAY) == 1
    assert maintenance.extend(now=now + 10 * DAY) == 0
    assert times()[: len(found)] == found
    assert len(times()) == len(found) + 10
    assert len(set(times())) == len(times())


def test_window_that_is_changed_ends_and_is_planned_anew(now: datetime, make_images: MakeImages) -> None:
    one, other = make_images(2)
    window = planned(now, resources=[one])
    window.duration_minutes = 60
    during = now + DAY + 1.5 * HOUR
    maintenance.save(window, resources=[other], now=during)
    begun = [(now + HOUR, now + 3 * HOUR), (now + DAY + HOUR, during)]
    assert times(resource_ids=[one.pk]) == begun
    (following, *_) = times(resource_ids=[other.pk])
    assert following == (during, now + DAY + 2 * HOUR)


def test_window_that_is_deleted_leaves_what_has_begun(now: datetime, make_images: MakeImages) -> None:
    window = planned(now, resources=make_images())
    maintenance.delete([window.pk], now=now + 2 * HOUR)
    assert times(window=None) == times() == [(now + HOUR, now + 2 * HOUR)]


@pytest.mark.django_db(transaction=True)
def test_windows_that_are_deleted_take_verdicts_in_the_order_in_which_a_report_does(
    now: datetime, make_images: MakeImages
) -> None:
    """Else the two would wait for each other, and one of them would be lost."""
    images = make_images(2)
    with transaction.atomic():
        verdicts.locked([image.pk for image in images], now=now)
    Verdict.objects.update(state="degraded")
    windows = [planned(now, resources=[image]).pk for image in reversed(images)]
    with ThreadPoolExecutor(1) as elsewhere:
        with transaction.atomic():
            Verdict.objects.select_for_update(no_key=True).get(pk=images[0].pk)
            deleting = elsewhere.submit(in_a_thread, lambda: maintenance.delete(windows, now=now + 2 * HOUR))
            wait_until_somebody_waits()
            Verdict.objects.select_for_update(no_key=True, nowait=True).get(pk=images[1].pk)
        deleting.result(30)
    assert not MaintenanceWindow.objects.exists()


def test_window_called_off_at_its_very_start_never_happened(now: datetime, make_images: MakeImages) -> None:
    window = planned(now, resources=make_images())
    maintenance.delete([window.pk], now=now + HOUR)
    assert times() == []


def test_nothing_is_planned_into_the_past(now: datetime, make_images: MakeImages) -> None:
    planned(now, on=-DAY, at=time(11), rule="", duration_minutes=26 * 60, resources=make_images())
    assert times() == [(now, now + HOUR)]


def test_window_must_concern_something(now: datetime, db: None) -> None:
    with pytest.raises(maintenance.NothingConcerned):
        planned(now)
    assert not MaintenanceWindow.objects.exists()


def test_window_does_not_grow_when_what_it_concerns_is_deleted(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    """Of a window for one image as seen from one region, the region alone would be everything seen from there."""
    image, other = make_images(2)
    planned(now, resources=[image], regions=[regions["eu-west"].row])
    image.delete()
    maintenance.extend(now=now + 20 * DAY)
    later = Interval(now + 50 * DAY, now + 55 * DAY)
    assert uptime.maintenance(other, later, region=regions["eu-west"].row) == []
    assert not MaintenanceOccurrence.objects.filter(starts_at__gt=now + maintenance.HORIZON).exists()


@pytest.mark.parametrize(
    ("targets", "seen"),
    [
        (("resources",), {None, "eu-west", "us-east"}),
        (("groups",), {None, "eu-west", "us-east"}),
        (("registries",), {None, "eu-west", "us-east"}),
        (("regions",), {"eu-west"}),
        (("resources", "regions"), {"eu-west"}),
        (("groups", "regions"), {"eu-west"}),
        (("registries", "regions"), {"eu-west"}),
    ],
)
def test_window_concerns_what_was_chosen_as_seen_from_there(
    now: datetime, regions: Regions, make_images: MakeImages, targets: tuple[str, ...], seen: set[str | None]
) -> None:
    group = ResourceGroup.objects.create(name="Shop")
    (image,) = make_images(group=group)
    elsewhere = resources.save(Resource(reference="quay.io/org/app:1"), now=now)
    chosen: dict[str, list[Any]] = {
        "resources": [image],
        "groups": [group],
        "registries": [image.registry],
        "regions": [regions["eu-west"].row],
    }
    asked: dict[str, Any] = {name: chosen[name] for name in targets}
    planned(now, **asked)
    over = Interval(now, now + DAY)
    rows: dict[str | None, Region | None] = {None: None}
    rows |= {slug: regions[slug].row for slug in ("eu-west", "us-east")}
    assert {slug for slug, row in rows.items() if uptime.maintenance(image, over, region=row)} == seen
    other = {slug for slug, row in rows.items() if uptime.maintenance(elsewhere, over, region=row)}
    assert other == ({"eu-west"} if targets == ("regions",) else set())


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"rule": "FREQ=SECONDLY"}, "rule"),
        ({"rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "rule"),
        ({"duration_minutes": 0}, "duration_minutes"),
        ({"duration_minutes": 25 * 60}, "duration_minutes"),
        ({"on": timedelta(days=-50 * 365)}, "starts_on"),
    ],
)
def test_window_that_makes_no_sense_is_refused_by_field(
    now: datetime, make_images: MakeImages, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        planned(now, resources=make_images(), **values)
    assert list(refused.value.message_dict) == [field]
    assert not MaintenanceWindow.objects.exists()
