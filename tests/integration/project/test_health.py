"""`/healthz` and `/readyz`, part by part."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from kairos.embedded import free_port
from probes.actions import beat
from probes.broker.address import BrokerAddress
from probes.models import Region
from probes.models.control import ControlBeat
from probes.selectors import health

pytestmark = pytest.mark.django_db


@pytest.fixture
def ready(broker: str) -> datetime:
    """Make everything ready; the value is when that was."""
    now = timezone.now()
    beat.stamp(now)
    Region.objects.create(slug="eu-west", name="Europe", verify_key="k", box_public_key="k", last_seen_at=now)
    return now


def parts(client: Client) -> tuple[int, dict[str, str]]:
    answer = client.get("/readyz")
    return answer.status_code, answer.json()["parts"]


def test_healthz_looks_at_nothing_else(
    client: Client, django_assert_num_queries: Callable[[int], Any], settings: Settings
) -> None:
    settings.KAIROS_BROKER = BrokerAddress(f"redis://127.0.0.1:{free_port()}/0")
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert "no-store" in answer.headers["Cache-Control"]


def test_ready_when_all_parts_work(client: Client, ready: datetime) -> None:
    assert parts(client) == (200, {"database": "ok", "broker": "ok", "beat": "ok", "regions": "ok"})


def test_not_ready_without_a_tick(client: Client, broker: str) -> None:
    status, states = parts(client)
    assert (status, states["beat"]) == (503, "has not ticked yet")


def test_not_ready_when_the_last_tick_is_long_ago(client: Client, ready: datetime) -> None:
    ControlBeat.objects.update(ticked_at=ready - timedelta(seconds=100))
    status, states = parts(client)
    assert status == 503
    assert states["beat"].startswith("last ticked 10")
    assert states["regions"] == "ok"


@pytest.mark.parametrize(
    "change",
    [{"silent_since": timezone.now()}, {"paused_at": timezone.now()}, {"last_seen_at": None}],
    ids=["silent", "paused", "never heard of"],
)
def test_not_ready_without_a_living_region(client: Client, ready: datetime, change: dict[str, Any]) -> None:
    Region.objects.update(**change)
    status, states = parts(client)
    assert (status, states["regions"], states["beat"]) == (503, "none is alive", "ok")


def test_not_ready_while_nobody_reads_the_heartbeats(client: Client, ready: datetime) -> None:
    """A region is not called silent then, and everything looked well for ever."""
    Region.objects.update(last_seen_at=ready - timedelta(seconds=100))
    status, states = parts(client)
    assert (status, states["beat"]) == (503, "ok")
    assert states["regions"].startswith("no heartbeat was read for 10")


def test_region_that_is_heard_makes_up_for_one_that_is_not(client: Client, ready: datetime) -> None:
    Region.objects.create(
        slug="us-east", verify_key="k", box_public_key="k", last_seen_at=ready - timedelta(seconds=100)
    )
    assert parts(client)[0] == 200


def test_not_ready_without_the_broker_and_without_its_address(
    client: Client, ready: datetime, settings: Settings
) -> None:
    settings.KAIROS_BROKER = BrokerAddress(f"redis://:hush@127.0.0.1:{free_port()}/0")
    status, states = parts(client)
    assert (status, states["broker"], states["database"]) == (503, "does not answer", "ok")


def test_not_ready_without_the_database_and_without_its_address(
    client: Client, ready: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise OperationalError('connection to server at "10.0.0.7" failed') from psycopg.OperationalError()

    monkeypatch.setattr(health, "pulse", away)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["database"] == "the database does not answer"
    assert b"10.0.0.7" not in answer.content
