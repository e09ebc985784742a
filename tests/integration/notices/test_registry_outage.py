"""A registry that is down is told once, as what it is: found by the rules, from the checks of its images."""

import pytest

from probes.actions import scopes
from probes.models import Incident, Notice, Resource
from probes.policy.notices import HOLD
from probes.protocol.taxonomy import Reason, Stage
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.integration.notices.conftest import MakeChannel
from tests.integration.notices.happening import EVERYWHERE, SECOND, deliver, topics

pytestmark = pytest.mark.django_db

DOWN = dict.fromkeys(EVERYWHERE, finding(Reason.CONNECT_TIMEOUT, Stage.CONNECT))
HOUR = 60 * HOLD


def fail(plane: ControlPlane, *images: Resource) -> None:
    """Let images be found well, and then unreachable; what they share is looked for afterwards."""
    plane.check(*images)
    plane.check(*images, finds=DOWN)
    infer(plane)


def infer(plane: ControlPlane) -> None:
    plane.now += 20 * SECOND
    scopes.infer_scopes(now=plane.now)


@pytest.fixture
def images(plane: ControlPlane, make_channel: MakeChannel) -> list[Resource]:
    """Five images of one registry, and a channel that is told everything."""
    make_channel()
    return [plane.image(f"ghcr.io/org/app-{number}:1", interval_seconds=3600) for number in range(5)]


def test_five_images_of_a_registry_that_is_down_are_one_notice(plane: ControlPlane, images: list[Resource]) -> None:
    fail(plane, *images)
    assert Incident.objects.filter(resource=None).count() == 1
    assert deliver(plane.now + HOLD) == ["registry ghcr.io is unavailable: 5 resources fail"]
    quiet = Notice.objects.filter(state="suppressed", because__startswith="explained by: registry ghcr.io")
    assert {notice.told.resource_id for notice in quiet} == {image.pk for image in images}
    plane.now += 5 * HOLD
    plane.check(*images)
    infer(plane)
    (over,) = deliver(plane.now + HOLD)
    assert over.startswith("registry ghcr.io is available again")
    assert topics(state="sent") == ["incident_opened", "incident_resolved"]
    assert not Notice.objects.filter(state="pending").exists()


def test_images_of_as_many_registries_are_told_one_by_one(plane: ControlPlane, make_channel: MakeChannel) -> None:
    make_channel()
    references = [f"registry-{number}.example/app:1" for number in range(5)]
    fail(plane, *[plane.image(reference, interval_seconds=3600) for reference in references])
    assert sorted(deliver(plane.now + HOLD)) == [f"{reference} is unavailable" for reference in references]


def test_image_that_does_not_recover_with_its_registry_gets_a_notice_of_its_own(
    plane: ControlPlane, images: list[Resource]
) -> None:
    fail(plane, *images)
    assert len(deliver(plane.now + HOLD)) == 1
    last, *others = images
    plane.now += 5 * HOLD
    plane.check(*others)
    plane.check(last, finds=DOWN)
    infer(plane)
    (over,) = deliver(plane.now)
    assert over.startswith("registry ghcr.io is available again")
    plane.now += HOUR
    plane.check(last, finds=DOWN)
    infer(plane)
    plane.now += HOUR
    infer(plane)
    assert deliver(plane.now + HOLD) == ["ghcr.io/org/app-0:1 is unavailable"]
    plane.now += 2 * HOLD
    plane.check(last)
    (over,) = deliver(plane.now)
    assert over.startswith("ghcr.io/org/app-0:1 is available again")
    assert {notice.told.resource_id for notice in Notice.objects.filter(state="sent")} == {None, last.pk}
