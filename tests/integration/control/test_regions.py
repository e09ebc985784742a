"""Hearing from regions."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from probes.actions import regions as region_actions
from probes.actions.workers import WORKERS_REMEMBERED
from probes.models import Region
from probes.trust.envelope import Kind
from probes.trust.refusal import RefusalCause, Refused
from tests.integration.control.conftest import Regions

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def test_heartbeat_is_a_sign_of_life_by_our_clock(now: datetime, regions: Regions) -> None:
    region = regions["eu-west"]
    wrong_clock = now - timedelta(days=400)
    heard = region_actions.record_heartbeat(
        region.heartbeat(sent_at=wrong_clock, in_flight=3, refused={"expired": 2}), now=now
    )
    assert heard.last_seen_at == now
    worker = heard.heartbeat["workers"][region.worker]
    assert (worker["in_flight"], worker["refused"], worker["received_at"]) == (3, {"expired": 2}, now.isoformat())


def refusal(envelope: object, now: datetime) -> RefusalCause:
    with pytest.raises(Refused) as refused:
        region_actions.record_heartbeat(envelope, now=now)
    return refused.value.cause


def test_replayed_or_reordered_heartbeats_are_refused(now: datetime, regions: Regions) -> None:
    region = regions["eu-west"]
    first, second = region.heartbeat(sequence=1), region.heartbeat(sequence=2)
    region_actions.record_heartbeat(second, now=now)
    assert refusal(second, now + MINUTE) is RefusalCause.REPLAYED
    assert refusal(first, now + MINUTE) is RefusalCause.REPLAYED
    assert Region.objects.get(slug="eu-west").last_seen_at == now


def test_heartbeat_of_a_worker_long_gone_is_refused(now: datetime, regions: Regions) -> None:
    region = regions["eu-west"]
    old = region.heartbeat(sent_at=now - timedelta(days=9))
    region.worker = str(uuid4())
    region_actions.record_heartbeat(region.heartbeat(sent_at=now), now=now)
    assert refusal(old, now + MINUTE) is RefusalCause.REPLAYED


@pytest.mark.parametrize("wrong", [timedelta(days=3), timedelta(days=3000)])
def test_worker_is_heard_after_a_clock_that_was_ahead_was_set_right(
    now: datetime, regions: Regions, wrong: timedelta
) -> None:
    region = regions["eu-west"]
    region_actions.record_heartbeat(region.heartbeat(sent_at=now + wrong), now=now)
    region.worker = str(uuid4())
    heard = region_actions.record_heartbeat(region.heartbeat(sent_at=now + MINUTE), now=now + MINUTE)
    assert heard.last_seen_at == now + MINUTE


def test_worker_is_heard_after_one_with_a_clock_at_the_calendar_s_beginning(now: datetime, regions: Regions) -> None:
    region = regions["eu-west"]
    region_actions.record_heartbeat(region.heartbeat(sent_at=datetime.min.replace(tzinfo=UTC)), now=now)
    region.worker = str(uuid4())
    heard = region_actions.record_heartbeat(region.heartbeat(sent_at=now), now=now)
    assert region.worker in heard.heartbeat["workers"]


def test_worker_whose_clock_was_set_far_back_is_heard_once_it_has_taken_a_batch(
    now: datetime, regions: Regions
) -> None:
    """It is started anew, as after a power cut where the clock has no battery, and looks like a replay."""
    region, long_ago = regions["eu-west"], now - timedelta(days=400)
    region_actions.record_heartbeat(region.heartbeat(sent_at=now), now=now)
    region.worker = str(uuid4())
    with pytest.raises(Refused, match=r"of eu-west, from 400 days before .* or the clock was set back") as refused:
        region_actions.record_heartbeat(region.heartbeat(1, sent_at=long_ago), now=now)
    assert refused.value.cause is RefusalCause.REPLAYED
    heard = region_actions.record_heartbeat(region.heartbeat(2, sent_at=long_ago, heard_issued_at=now), now=now)
    assert region.worker in heard.heartbeat["workers"]


def test_replay_does_not_pass_for_having_heard_a_batch_that_is_old(now: datetime, regions: Regions) -> None:
    region, long_ago = regions["eu-west"], now - timedelta(days=9)
    old = region.heartbeat(sent_at=long_ago, heard_issued_at=long_ago)
    region.worker = str(uuid4())
    region_actions.record_heartbeat(region.heartbeat(sent_at=now), now=now)
    assert refusal(old, now + MINUTE) is RefusalCause.REPLAYED


def test_dead_workers_of_a_region_are_remembered_up_to_a_bound(now: datetime, regions: Regions) -> None:
    region = regions["eu-west"]
    for number in range(WORKERS_REMEMBERED + 3):
        region.worker = str(uuid4())
        heard = region_actions.record_heartbeat(region.heartbeat(), now=now + number * MINUTE)
    assert len(heard.heartbeat["workers"]) == WORKERS_REMEMBERED
    assert region.worker in heard.heartbeat["workers"]


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ([], RefusalCause.MALFORMED),
        ({"region": "eu-west"}, RefusalCause.MALFORMED),
        (None, RefusalCause.WRONG_RECIPIENT),
    ],
)
def test_heartbeat_that_is_none_is_refused(now: datetime, regions: Regions, body: Any, cause: RefusalCause) -> None:
    region = regions["eu-west"]
    if body is None:
        body = {**json.loads(region.heartbeat()["body"]), "region": "us-east"}
    assert refusal(region.sign(Kind.HEARTBEAT, body), now) is cause


def test_retired_region_is_not_heard(now: datetime, regions: Regions) -> None:
    region = regions["eu-west"]
    region_actions.retire([region.row.pk], now=now)
    assert refusal(region.heartbeat(), now) is RefusalCause.UNKNOWN_SENDER


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"slug": "control"}, "region_slug_is_a_label"),
        ({"slug": "Upper"}, "region_slug_is_a_label"),
        ({"latitude": 50.1}, "region_coordinates_are_a_pair"),
        ({"latitude": 95.0, "longitude": 8.7}, "region_coordinates_are_a_pair"),
        ({"verify_key": "k"}, "region_keys_are_a_pair"),
    ],
)
def test_database_itself_refuses_a_region_that_cannot_be(values: dict[str, Any], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Region.objects.create(**{"slug": "eu-west", "name": "x", **values})
