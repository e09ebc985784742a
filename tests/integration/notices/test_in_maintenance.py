"""What is kept back in the maintenance of regions and registries, and what of it is told after."""

from datetime import datetime
from typing import Any

import pytest

from probes.actions import announcements, conditions, maintenance, notices
from probes.models import MaintenanceWindow, Notice, Region, Resource
from tests.fakes.control_plane import ControlPlane
from tests.integration.notices.conftest import MakeChannel
from tests.integration.notices.happening import EVERYWHERE, MINUTE, deliver, event
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
