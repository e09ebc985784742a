"""Enrolling regions and hearing from them."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from pytest_django.fixtures import Settings

from probes.actions import regions as region_actions
from probes.models import Region
from probes.trust.envelope import Kind
from probes.trust.keys import ControlKeys, RegionKeys
from probes.trust.refusal import RefusalCause, Refused
from tests.integration.control.conftest import Regions

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def test_enrolling_makes_keys_and_a_private_file(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("enroll_region", "eu-west", "--name", "Frankfurt")
    path = settings.KAIROS_REGION_KEYS_DIR / "eu-west.json"
    assert capsys.readouterr().out == f"eu-west (Frankfurt): KAIROS_REGION_KEY_FILE={path}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    keys = RegionKeys.load(path)
    region = Region.objects.get()
    assert region.is_active
    assert (region.verify_key, region.box_public_key) == (keys.public.verify_key_text, keys.public.box_key_text)
    assert keys.control_verify_key == ControlKeys.load(settings.KAIROS_CONTROL_KEY_FILE).verify_key


def test_enrolling_again_keeps_keys_and_name(settings: Settings) -> None:
    region, path = region_actions.enroll("eu-west", "Frankfurt")
    before = path.read_bytes()
    again, _ = region_actions.enroll("eu-west")
    assert path.read_bytes() == before
    assert (again.name, again.verify_key) == ("Frankfurt", region.verify_key)


def test_key_file_is_brought_up_to_date_with_the_control_plane_s_key(settings: Settings, tmp_path: Path) -> None:
    region, path = region_actions.enroll("eu-west")
    settings.KAIROS_CONTROL_KEY_FILE = tmp_path / "control.json"
    ControlKeys.generate().save(settings.KAIROS_CONTROL_KEY_FILE)
    again, _ = region_actions.enroll("eu-west")
    assert again.verify_key == region.verify_key
    control = ControlKeys.load(settings.KAIROS_CONTROL_KEY_FILE)
    assert RegionKeys.load(path).control_verify_key == control.verify_key


def test_lost_key_file_is_not_replaced_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    region, path = region_actions.enroll("eu-west")
    path.unlink()
    with pytest.raises(CommandError, match=r"make new ones: manage\.py enroll_region eu-west --new-keys"):
        call_command("enroll_region", "eu-west")
    assert not path.exists()
    call_command("enroll_region", "eu-west", "--new-keys")
    assert Region.objects.get().verify_key != region.verify_key


@pytest.mark.parametrize("slug", ["", "control", "Upper", "under_score", "edge-", "a" * 41, "../x"])
def test_slug_that_cannot_be_is_one_clear_line(slug: str, settings: Settings) -> None:
    with pytest.raises(CommandError, match="region"):
        call_command("enroll_region", slug)
    assert not Region.objects.exists()
    assert not settings.KAIROS_REGION_KEYS_DIR.exists()


def test_missing_control_key_is_one_clear_line(settings: Settings, tmp_path: Path) -> None:
    settings.KAIROS_CONTROL_KEY_FILE = tmp_path / "nowhere.json"
    with pytest.raises(CommandError, match=r"nowhere\.json"):
        call_command("enroll_region", "eu-west")


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


def test_several_workers_of_a_region_are_remembered_up_to_a_bound(now: datetime, regions: Regions) -> None:
    region = regions["eu-west"]
    for second in range(region_actions.WORKERS_REMEMBERED + 3):
        region.worker = str(uuid4())
        heard = region_actions.record_heartbeat(region.heartbeat(), now=now + timedelta(seconds=second))
    assert len(heard.heartbeat["workers"]) == region_actions.WORKERS_REMEMBERED
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


def test_retired_region_is_given_up_until_it_is_enrolled_again(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    region_actions.enroll("eu-west")
    call_command("retire_region", "eu-west")
    assert not Region.objects.get().is_active
    call_command("retire_region", "eu-west")
    assert capsys.readouterr().out == "1 retired, 0 were already\n0 retired, 1 were already\n"
    region_actions.enroll("eu-west")
    assert Region.objects.get().is_active


def test_retiring_an_unknown_region_is_one_line() -> None:
    with pytest.raises(CommandError, match="no such region: nowhere"):
        call_command("retire_region", "nowhere")


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
