"""A region that fails is not believed alone: it is asked again, and the others are."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from probes.actions import dispatch, resources
from probes.actions.ingest import Ingested
from probes.models import (
    GlobalTerms,
    Resource,
    Verdict,
)
from probes.policy.verdict import VerdictState
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.control.voting import (
    GONE,
    MINUTE,
    SECOND,
    TIMED_OUT,
    deliver,
    settled,
    slots_of,
    state_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on_usual_terms(regions: Regions) -> None:
    GlobalTerms.objects.update(failures=None, recoveries=None)


def asked_of(taken: Sequence[Ingested]) -> list[str]:
    return sorted(message.queue for item in taken for message in item.messages)


def test_first_failure_of_transport_is_asked_again_at_once(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    image, due = settled(regions, make_images, now)
    (once,) = [
        item
        for item in deliver(regions, dispatch.claim_due(due).messages, due + SECOND, {"us-east": TIMED_OUT})
        if item.messages
    ]
    assert asked_of([once]) == ["probe.us-east"]
    assert asked_of(deliver(regions, once.messages, due + 2 * SECOND, {})) == []
    state = state_of(image)
    assert (state.status, state.stance, state.stance_since) == ("available", "good", now)
    assert state.last_slot > due


def turned_bad(regions: Regions, image: Resource, at: datetime) -> list[Ingested]:
    """Let us-east find it gone three times in a row; return what came of the third."""
    taken: list[Ingested] = []
    for number in range(3):
        asked = dispatch.check_now([image.pk], ["us-east"], now=at + number * SECOND)
        taken = deliver(regions, asked.messages, at + number * SECOND, {"us-east": GONE})
    return taken


def test_region_that_turns_bad_has_the_others_asked_until_they_are_sure(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    image, _ = settled(regions, make_images, now)
    taken = turned_bad(regions, image, now + 10 * SECOND)
    assert asked_of(taken) == ["probe.ap-south", "probe.eu-west"]
    finds = {"ap-south": GONE}
    for number in range(2):
        at = now + (15 + number) * SECOND
        taken = deliver(regions, [item for each in taken for item in each.messages], at, finds)
        assert asked_of(taken) == ["probe.ap-south"]
    taken = deliver(regions, [item for each in taken for item in each.messages], now + 17 * SECOND, finds)
    assert asked_of(taken) == ["probe.eu-west"]  # now that one more has turned, is it still good there?
    taken = deliver(regions, [item for each in taken for item in each.messages], now + 18 * SECOND, finds)
    assert asked_of(taken) == []
    assert Verdict.objects.get().state == VerdictState.UNAVAILABLE


def test_regions_whose_checks_are_due_are_waited_for(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    image, _ = settled(regions, make_images, now)
    assert asked_of(turned_bad(regions, image, now + 40 * SECOND)) == []


def test_image_that_never_was_good_is_settled_at_once(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images()
    messages = dispatch.claim_due(now).messages
    finds = dict.fromkeys(regions, GONE)
    rounds = 0
    while messages:
        rounds += 1
        messages = [
            message for item in deliver(regions, messages, now + rounds * SECOND, finds) for message in item.messages
        ]
    assert rounds == 3
    assert Verdict.objects.get().state == VerdictState.UNAVAILABLE


def test_paused_image_is_not_confirmed(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    image, due = settled(regions, make_images, now)
    messages = dispatch.claim_due(due).messages
    resources.pause([image.pk], now=due)
    assert asked_of(deliver(regions, messages, due + SECOND, dict.fromkeys(regions, TIMED_OUT))) == []


def test_report_is_taken_in_though_it_cannot_be_confirmed(
    now: datetime,
    regions: Regions,
    make_images: MakeImages,
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The control plane's key is needed to hand out checks, and not to read what came of them."""
    _, due = settled(regions, make_images, now)
    messages = dispatch.claim_due(due).messages
    settings.KAIROS_CONTROL_KEY_FILE = tmp_path / "none.json"
    taken = deliver(regions, messages, due + SECOND, dict.fromkeys(regions, TIMED_OUT))
    assert [(item.stored, item.messages) for item in taken] == [(1, [])] * 3
    assert "cannot be confirmed" in caplog.text


def test_registry_that_fails_as_a_whole_is_asked_for_a_part(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images(50, interval_seconds=60)
    slots_of(regions, now, 1)
    Resource.objects.update(next_due_at=now + MINUTE)
    messages = [item for item in dispatch.claim_due(now + MINUTE).messages if item.queue == "probe.us-east"]
    (taken,) = deliver(regions, messages, now + MINUTE, {"us-east": TIMED_OUT})
    assert sum(message.checks for message in taken.messages) == 20


def test_queries_do_not_depend_on_how_much_failed(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    def queries(count: int, due: datetime) -> int:
        make_images(count)
        messages = [item for item in dispatch.claim_due(due).messages if item.queue == "probe.us-east"]
        with CaptureQueriesContext(connection) as captured:
            deliver(regions, messages, due, {"us-east": TIMED_OUT})
        return len(captured)

    assert queries(2, now) == queries(15, now + SECOND) <= 33
