"""What a source lists no more: stale, retired, and brought back. Nothing of it is forgotten."""

import threading
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from probes.actions import resources, staleness, verdicts
from probes.actions.dispatch import check_now, claim_due
from probes.models import Incident, Pause, Resource, Source, Verdict
from probes.selectors.choice import Choice, census, chosen
from probes.selectors.gauges import standing
from probes.selectors.severity import Group
from tests.fakes.at_once import together
from tests.fakes.control_plane import ControlPlane
from tests.integration.control.conftest import MakeImages, Regions

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def test_stale_resource_is_checked_on(regions: Regions, make_images: MakeImages, now: datetime) -> None:
    (image,) = make_images(managed_by=Source.objects.create(name="Shop's cluster"))

    assert staleness.mark_stale([image.pk], now=now) == 1
    assert staleness.mark_stale([image.pk], now=now + DAY) == 0

    assert Resource.objects.get().stale_at == now
    assert claim_due(now).resources == 1
    assert staleness.unmark([image.pk]) == 1
    assert Resource.objects.get().stale_at is None


def test_retired_resource_is_neither_checked_nor_counted(
    regions: Regions, make_images: MakeImages, now: datetime
) -> None:
    kept, gone = make_images(2)

    assert staleness.retire([gone.pk], now=now) == 1
    assert staleness.retire([gone.pk], now=now) == 0

    assert claim_due(now).resources == 1
    assert list(check_now([gone.pk], now=now).slots) == []
    assert resources.resume([gone.pk], now=now) == 0
    assert list(chosen(Choice())) == [kept]
    assert census(Choice()).total == 1
    assert census(Choice()).states[Group.PAUSED] == 0
    assert Pause.objects.get().resource_id == gone.pk  # and what it is not checked is no downtime


def test_only_what_has_been_stale_for_longer_than_the_grace_is_retired(
    make_images: MakeImages, now: datetime
) -> None:
    old, young, fresh = make_images(3)
    staleness.mark_stale([old.pk], now=now - 8 * DAY)
    staleness.mark_stale([young.pk], now=now - 6 * DAY)

    assert staleness.retire_stale(grace=7 * DAY, now=now) == 1

    assert list(Resource.objects.filter(retired_at=now)) == [old]
    assert not Resource.objects.filter(pk__in=[young.pk, fresh.pk], paused_at__isnull=False).exists()


def test_restored_resource_is_due_at_once_unless_somebody_had_paused_it(
    make_images: MakeImages, now: datetime
) -> None:
    running, paused = make_images(2)
    resources.pause([paused.pk], now=now)
    staleness.mark_stale([running.pk, paused.pk], now=now)
    staleness.retire([running.pk, paused.pk], now=now + DAY)

    assert staleness.restore([running.pk, paused.pk], now=now + 2 * DAY) == 2

    running.refresh_from_db()
    paused.refresh_from_db()
    assert (running.stale_at, running.retired_at, running.paused_at) == (None, None, None)
    assert running.next_due_at == now + 2 * DAY
    assert (paused.retired_at, paused.paused_at) == (None, now)


def test_pause_that_was_to_end_ends_also_where_it_was_retired_meanwhile(
    make_images: MakeImages, now: datetime
) -> None:
    (image,) = make_images()
    resources.pause([image.pk], now=now, until=now + 2 * DAY)
    staleness.retire([image.pk], now=now + DAY)
    assert resources.resume_due(now=now + 3 * DAY) == 0
    staleness.restore([image.pk], now=now + 4 * DAY)

    assert resources.resume_due(now=now + 4 * DAY) == 1
    assert Resource.objects.get().paused_at is None


def test_what_is_retired_stays_so_when_it_is_changed(make_images: MakeImages, now: datetime) -> None:
    (image,) = make_images()
    staleness.retire([image.pk], now=now)
    image.name = "Renamed"  # read before it was retired

    resources.save(image, now=now)

    assert Resource.objects.get().retired_at == now


def test_incident_of_a_retired_resource_ends_for_that_cause(plane: ControlPlane) -> None:
    image = plane.image()
    Verdict.objects.create(resource=image, state="unavailable", since=plane.now, computed_at=plane.now)
    Incident.objects.create(
        resource=image,
        level="unavailable",
        worst="unavailable",
        severity="critical",
        began_at=plane.now,
        opened_at=plane.now,
    )

    staleness.retire([image.pk], now=plane.now)
    verdicts.refresh_lapsed(now=plane.now)

    incident = Incident.objects.get()
    assert (incident.cause, incident.resolved_at) == ("retired", plane.now)


def test_metrics_leave_out_what_is_retired(make_images: MakeImages, now: datetime) -> None:
    _, gone = make_images(2)
    staleness.retire([gone.pk], now=now)

    assert sum(item.resources for item in standing(by_registry=True)) == 1


def test_database_keeps_what_is_retired_from_being_due(make_images: MakeImages, now: datetime) -> None:
    make_images()

    with pytest.raises(IntegrityError, match="resource_that_is_retired_is_paused"):
        Resource.objects.update(retired_at=now)


@pytest.mark.django_db(transaction=True)
def test_what_is_just_listed_again_is_not_retired(make_images: MakeImages, now: datetime) -> None:
    (image,) = make_images()
    staleness.mark_stale([image.pk], now=now)
    is_listed, is_swept = threading.Event(), threading.Event()

    def listing() -> None:
        with transaction.atomic():
            staleness.unmark([image.pk])
            is_listed.set()
            is_swept.wait(1)

    def sweeping() -> int:
        is_listed.wait(3)
        try:
            return staleness.retire_stale(grace=DAY, now=now + 2 * DAY)
        finally:
            is_swept.set()

    assert set(together(listing, sweeping)) == {None, 0}
    assert Resource.objects.get().retired_at is None
