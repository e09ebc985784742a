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
from tests.fakes.far_region import FarRegion
from tests.integration.control.conftest import Regions

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


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


def beats_of_others(region: FarRegion, now: datetime, count: int = WORKERS_REMEMBERED) -> list[dict[str, Any]]:
    """Let so many more workers be heard, so that those before are remembered no more; return what they sent."""
    sent = []
    for _ in range(count):
        region.worker = str(uuid4())
        sent.append(region.heartbeat(sent_at=now))
        region_actions.record_heartbeat(sent[-1], now=now)
    return sent


def test_heartbeat_of_a_worker_long_gone_is_refused(now: datetime, regions: Regions) -> None:
    region = regions["eu-west"]
    old = region.heartbeat(sent_at=now)
    region_actions.record_heartbeat(old, now=now)
    beats_of_others(region, now + MINUTE)
    assert refusal(old, now + 6 * MINUTE) is RefusalCause.REPLAYED


@pytest.mark.parametrize("ahead", [0 * MINUTE, 5 * MINUTE, DAY, -DAY])
def test_replayed_heartbeats_of_many_workers_keep_no_dead_region_alive(
    now: datetime, regions: Regions, ahead: timedelta
) -> None:
    """Whatever their clock showed, and though what is replayed is remembered in the place of what was sent."""
    region, captured = regions["eu-west"], []
    for number in range(WORKERS_REMEMBERED + 5):
        region.worker, at = str(uuid4()), now - DAY + number * MINUTE
        captured.append(region.heartbeat(sent_at=at + ahead, heard_issued_at=at))
        region_actions.record_heartbeat(captured[-1], now=at)
    died = heard_at = now - DAY + (WORKERS_REMEMBERED + 4) * MINUTE
    days = [died + number * DAY / 4 for number in range(1, 12)]
    replayed_at = [died + minute * MINUTE for minute in range(1, 10)]
    replayed_at += [died + ahead + minute * MINUTE for minute in range(-30, -5, 2) if ahead > 10 * MINUTE]
    for number, at in enumerate(sorted([*replayed_at, *days])):
        try:
            region_actions.record_heartbeat(captured[number % len(captured)], now=at)
        except Refused:
            continue
        heard_at = at
    assert heard_at - died < 6 * MINUTE


def test_workers_for_whom_there_was_no_place_do_not_come_back_from_the_dead(now: datetime, regions: Regions) -> None:
    sent = beats_of_others(regions["eu-west"], now, WORKERS_REMEMBERED + 5)
    later = now + 6 * MINUTE
    assert {refusal(envelope, later) for envelope in sent} == {RefusalCause.REPLAYED}


def test_clock_that_was_set_back_in_a_worker_s_life_does_not_make_its_first_heartbeats_new(
    now: datetime, regions: Regions
) -> None:
    region = regions["eu-west"]
    first = region.heartbeat(1, sent_at=now + DAY)
    for envelope in (first, region.heartbeat(2, sent_at=now)):
        region_actions.record_heartbeat(envelope, now=now)
    beats_of_others(region, now + MINUTE)
    assert refusal(first, now + 2 * MINUTE) is RefusalCause.REPLAYED


@pytest.mark.parametrize("ahead", [5 * MINUTE, DAY, -5 * MINUTE, -DAY])
def test_worker_whose_machine_s_clock_is_off_is_heard_however_often_it_is_started(
    now: datetime, regions: Regions, ahead: timedelta
) -> None:
    region = regions["eu-west"]
    for number in range(2 * WORKERS_REMEMBERED):
        at = now + number * MINUTE
        region.worker = str(uuid4())
        heard = region_actions.record_heartbeat(region.heartbeat(sent_at=at + ahead), now=at)
        assert heard.last_seen_at == at


def test_worker_with_a_right_clock_is_heard_beside_many_that_are_no_more(now: datetime, regions: Regions) -> None:
    """Theirs were a little ahead."""
    region = regions["eu-west"]
    beats_of_others(region, now, 2 * WORKERS_REMEMBERED)
    region.worker = str(uuid4())
    soon = now - timedelta(seconds=4)
    heard = region_actions.record_heartbeat(region.heartbeat(sent_at=soon), now=now + MINUTE)
    assert heard.last_seen_at == now + MINUTE


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
    beats_of_others(region, now, 2 * WORKERS_REMEMBERED)
    region.worker, later = str(uuid4()), now + MINUTE
    with pytest.raises(Refused, match=r"of eu-west, sent at .* or the clock was set back") as refused:
        region_actions.record_heartbeat(region.heartbeat(1, sent_at=long_ago), now=later)
    assert refused.value.cause is RefusalCause.REPLAYED
    heard = region_actions.record_heartbeat(region.heartbeat(2, sent_at=long_ago, heard_issued_at=now), now=later)
    assert region.worker in heard.heartbeat["workers"]


def test_worker_with_a_right_clock_is_heard_after_many_that_were_ahead_once_it_has_taken_a_batch(
    now: datetime, regions: Regions
) -> None:
    """Their heartbeats look as its own do, when their time has come."""
    region = regions["eu-west"]
    for _ in range(WORKERS_REMEMBERED + 1):
        region.worker = str(uuid4())
        region_actions.record_heartbeat(region.heartbeat(sent_at=now + DAY), now=now)
    region.worker, later = str(uuid4()), now + MINUTE
    assert refusal(region.heartbeat(1, sent_at=later), later) is RefusalCause.REPLAYED
    heard = region_actions.record_heartbeat(region.heartbeat(2, sent_at=later, heard_issued_at=now), now=later)
    assert heard.last_seen_at == later


def test_replay_does_not_pass_for_having_heard_a_batch_that_is_old(now: datetime, regions: Regions) -> None:
    region, before = regions["eu-west"], now - 6 * MINUTE
    old = region.heartbeat(sent_at=before, heard_issued_at=before)
    region_actions.record_heartbeat(old, now=before)
    beats_of_others(region, now)
    assert refusal(old, now) is RefusalCause.REPLAYED


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
