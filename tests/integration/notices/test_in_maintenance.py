"""What is kept back in the maintenance of regions and registries, and what of it is told after."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from probes.actions import announcements, conditions, delivery, maintenance, notices
from probes.models import MaintenanceWindow, Notice, Region, Resource
from probes.policy.notices import judge
from tests.fakes.control_plane import ControlPlane
from tests.integration.control.waiting import wait_until_somebody_waits
from tests.integration.notices.conftest import MakeChannel
from tests.integration.notices.happening import EVERYWHERE, MINUTE, deliver, event, handed_out
from tests.integration.notices.test_outbox import scoped

pytestmark = pytest.mark.django_db


def _works(plane: ControlPlane, **concerned: Any) -> datetime:
    """Plan half an hour of work from in a minute on; return its end."""
    begins = plane.now + MINUTE
    window = MaintenanceWindow(
        name="the disks", starts_on=begins.date(), starts_at=begins.time(), duration_minutes=30
    )
    maintenance.save(window, now=plane.now, **concerned)
    return begins + 30 * MINUTE


def _lasts(minutes: int, now: datetime, **concerned: Any) -> None:
    """Let the work take so long instead, from when it began."""
    window = MaintenanceWindow.objects.get()
    window.duration_minutes = minutes
    maintenance.save(window, now=now, **concerned)


def _turn(plane: ControlPlane, silent_since: datetime | None) -> None:
    with conditions.changing(Region.objects.filter(slug="eu-west"), now=plane.now) as (region,):
        region.silent_since = silent_since


def test_region_that_falls_silent_in_its_maintenance_and_comes_back_is_not_told(
    plane: ControlPlane, make_channel: MakeChannel
) -> None:
    make_channel()
    plane.hear_all()
    ends_at = _works(plane, regions=[plane.region("eu-west")])
    plane.now += 2 * MINUTE
    _turn(plane, plane.now)
    assert deliver(plane.now) == []
    _turn(plane, None)
    assert deliver(plane.now) == []
    assert deliver(ends_at + MINUTE) == []
    assert set(Notice.objects.values_list("state", "because")) == {
        ("suppressed", "no longer so by the end of maintenance")
    }


def test_region_that_is_silent_after_its_maintenance_is_told_then(
    plane: ControlPlane, make_channel: MakeChannel
) -> None:
    make_channel()
    plane.hear_all()
    ends_at = _works(plane, regions=[plane.region("eu-west")])
    plane.now += 2 * MINUTE
    _turn(plane, plane.now)
    assert deliver(plane.now) == []
    (title,) = deliver(ends_at + MINUTE)
    assert title.endswith("is silent")


def test_region_that_was_silent_before_its_maintenance_is_told_to_be_back(
    plane: ControlPlane, make_channel: MakeChannel
) -> None:
    make_channel()
    plane.hear_all()
    _turn(plane, plane.now)
    assert len(deliver(plane.now)) == 1
    ends_at = _works(plane, regions=[plane.region("eu-west")])
    plane.now += 2 * MINUTE
    _turn(plane, None)
    assert deliver(plane.now) == []
    (title,) = deliver(ends_at + MINUTE)
    assert title.endswith("is active")


def test_nothing_is_told_of_a_registry_in_maintenance(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel
) -> None:
    make_channel()
    plane.check(image, finds=EVERYWHERE)
    registry = scoped(plane, image)
    ends_at = _works(plane, registries=[image.registry])
    ends = event(plane.now, "certificate/1", kind="certificate_expiring", registry_id=image.registry_id)
    notices.announce([announcements.of_event(ends)], now=plane.now)
    assert deliver(plane.now + 2 * MINUTE) == []
    assert set(Notice.objects.filter(incident=registry).values_list("due_at", flat=True)) == {ends_at}
    assert sorted(deliver(ends_at + MINUTE)) == [
        "Tag certificate/1 moved.",
        "registry ghcr.io is unavailable: 1 resources fail",
    ]


class TestWindowThatIsMoved:
    """An image failed in its maintenance, and what is to be told of that waits for the end."""

    @pytest.fixture
    def ends_at(self, plane: ControlPlane, image: Resource, make_channel: MakeChannel) -> datetime:
        make_channel()
        plane.check(image, finds=EVERYWHERE)
        ends_at = _works(plane, resources=[image])
        plane.now += 2 * MINUTE
        assert deliver(plane.now) == []
        assert Notice.objects.get().due_at == ends_at
        return ends_at

    def test_what_waits_is_told_when_it_is_called_off(self, plane: ControlPlane, ends_at: datetime) -> None:
        maintenance.delete(MaintenanceWindow.objects.values_list("pk", flat=True), now=plane.now + MINUTE)
        assert deliver(plane.now + MINUTE) == ["ghcr.io/org/app:1 is unavailable"]

    def test_what_waits_is_told_at_the_end_of_one_that_is_shortened(
        self, plane: ControlPlane, image: Resource, ends_at: datetime
    ) -> None:
        _lasts(10, plane.now, resources=[image])
        assert deliver(plane.now + MINUTE) == []
        assert Notice.objects.get().due_at == ends_at - 20 * MINUTE
        assert deliver(ends_at - 20 * MINUTE) == ["ghcr.io/org/app:1 is unavailable"]

    def test_what_waits_is_not_told_before_the_end_of_one_that_is_extended(
        self, plane: ControlPlane, image: Resource, ends_at: datetime
    ) -> None:
        _lasts(60, plane.now, resources=[image])
        assert deliver(ends_at + MINUTE) == []
        assert deliver(ends_at + 30 * MINUTE) == ["ghcr.io/org/app:1 is unavailable"]

    def test_what_waits_is_told_when_the_window_is_of_something_else(
        self, plane: ControlPlane, ends_at: datetime
    ) -> None:
        _lasts(30, plane.now, resources=[plane.image("ghcr.io/org/other:1")])
        assert deliver(plane.now) == ["ghcr.io/org/app:1 is unavailable"]

    def test_what_waits_for_a_longer_one_goes_on_waiting(
        self, plane: ControlPlane, image: Resource, ends_at: datetime
    ) -> None:
        window = MaintenanceWindow.objects.get()
        _works(plane, resources=[image])  # ends later
        assert deliver(ends_at) == []
        maintenance.delete([window.pk], now=ends_at - MINUTE)
        assert deliver(ends_at) == []

    def test_what_is_held_or_leased_is_left_alone(
        self, plane: ControlPlane, image: Resource, ends_at: datetime
    ) -> None:
        other = plane.image("ghcr.io/org/other:1", interval_seconds=3600)
        plane.check(other)
        plane.check(other, finds=EVERYWHERE)
        held = Notice.objects.latest("pk").due_at
        maintenance.delete(MaintenanceWindow.objects.values_list("pk", flat=True), now=plane.now)
        assert Notice.objects.latest("pk").due_at == held > plane.now
        handed_out(plane.now)
        leased = Notice.objects.earliest("pk").due_at
        assert notices.judge_again({ends_at}, now=plane.now) == 0
        assert Notice.objects.earliest("pk").due_at == leased > plane.now


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("later", [timedelta(), MINUTE / 2], ids=["at that moment", "half a minute later"])
def test_what_is_judged_while_a_window_is_called_off_does_not_wait_for_it(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel, monkeypatch: pytest.MonkeyPatch, later: timedelta
) -> None:
    """Whoever judges has seen the window, and has not yet written that the notice waits for its end."""
    make_channel()
    plane.check(image, finds=EVERYWHERE)
    _works(plane, resources=[image])
    plane.now += 2 * MINUTE
    judged_at = plane.now + later
    Notice.objects.update(due_at=judged_at)
    called_off = threading.Thread(target=_call_off, args=(plane.now,))

    def judge_meanwhile(*args: Any) -> Any:
        if called_off.ident is None:
            called_off.start()
            wait_until_somebody_waits()
        return judge(*args)

    monkeypatch.setattr(delivery, "judge", judge_meanwhile)
    told = deliver(judged_at)
    called_off.join(30)
    assert told + deliver(judged_at) == ["ghcr.io/org/app:1 is unavailable"]


def _call_off(now: datetime) -> None:
    try:
        maintenance.delete(MaintenanceWindow.objects.values_list("pk", flat=True), now=now)
    finally:
        connections.close_all()
