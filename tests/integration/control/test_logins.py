"""A region's login at the broker comes and goes with its keys."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import override_settings
from django.utils import timezone
from pytest_django.fixtures import Settings

from kairos.environment import RegionName
from probes import tasks
from probes.actions import enrolment, here, region_keys
from probes.broker.address import BrokerAddress
from probes.bundle.contents import read_environment
from probes.models import BrokerAccount, Region, RegionKey
from probes.selectors import accounts as selectors
from probes.trust.accounts import Account
from probes.trust.keys import RegionKeys, key_text
from tests.fakes.redis_server import MortalRedis

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = ("region-eu-west", "region-eu-west.2")


@pytest.fixture
def server(tmp_path: Path, settings: Settings) -> Iterator[MortalRedis]:
    """A Redis that the settings name, and that regions reach by the same address."""
    with MortalRedis(tmp_path / "redis") as server:
        if not server.has_accounts:
            pytest.skip("no Redis 7 on PATH: install Debian's redis-server")
        settings.KAIROS_BROKER = BrokerAddress(server.url)
        settings.KAIROS_EDGE_BROKER_URL = f"redis://127.0.0.1:{server.port}/0"
        yield server


def url_in_the_bundle(tmp_path: Path, *words: str) -> str:
    call_command("region", *words, "--out", str(tmp_path))
    return read_environment((tmp_path / "kairos-edge-eu-west" / "kairos-edge.env").read_text())["BROKER_URL"]


def url_here() -> str:
    return here.url_file("eu-west").read_text().strip()


def logs_in(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        try:
            return bool(client.ping())
        except redis.AuthenticationError:
            return False


def accounts_at(server: MortalRedis) -> set[str]:
    with server.client() as client:
        return {name for name in client.acl_users() if name.startswith("region-")}


def test_enrolled_region_logs_in_at_once_with_its_own_name(server: MortalRedis, tmp_path: Path) -> None:
    url = url_in_the_bundle(tmp_path, "enroll", "eu-west")
    assert urlsplit(url).username == NAMES[0]
    assert logs_in(url)


def test_control_plane_keeps_no_signing_key_and_no_password_of_a_region_far_away(
    server: MortalRedis, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its state directory is backed up: what lies there lies in every backup."""
    settings.KAIROS_STATE_DIR = state = tmp_path / "state"
    settings.KAIROS_SURROUNDINGS_DIR = state / "surroundings"
    settings.KAIROS_REGION_KEYS_DIR = state / "regions"
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for verb in ("enroll", "rotate", "bundle"):
        call_command("region", verb, "eu-west")
        bundle = tmp_path / "work" / "kairos-edge-eu-west"
        keys = RegionKeys.load(bundle / "region-key.json")
        password = urlsplit(read_environment((bundle / "kairos-edge.env").read_text())["BROKER_URL"]).password
        assert password
        kept = {path.name: path.read_text() for path in state.rglob("*") if path.is_file()}
        assert set(kept) == {"kairos-edge.env", "docker-compose.yml"}
        for secret in (password, key_text(keys.signing_key), key_text(keys.box_key)):
            assert secret not in "".join(kept.values())
        assert not any(path.stat().st_mode & 0o077 for path in state.glob("surroundings/*"))


@pytest.mark.usefixtures("broker")  # the reaper asks how many heartbeats wait
def test_login_that_was_replaced_counts_until_the_keys_with_it_end(
    server: MortalRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = url_in_the_bundle(tmp_path, "enroll", "eu-west")
    after = url_in_the_bundle(tmp_path, "rotate", "eu-west")
    assert urlsplit(after).username == NAMES[1]
    assert logs_in(before)
    assert logs_in(after)

    monkeypatch.setattr(region_keys, "SETTLED_AFTER", timedelta(0))
    now = timezone.now()
    RegionKey.objects.filter(valid_until=None).update(first_used_at=now, last_used_at=now + timedelta(minutes=1))
    tasks.reap()
    tasks.accounts()
    assert not logs_in(before)
    assert logs_in(after)


@pytest.mark.usefixtures("broker")  # the reaper asks how many heartbeats wait
def test_login_stays_while_the_keys_that_came_with_it_count(server: MortalRedis, tmp_path: Path) -> None:
    """Changed twice within the overlap: each login ends with its own keys, and no worker is cut off before."""
    first = url_in_the_bundle(tmp_path, "enroll", "eu-west")
    with redis.Redis.from_url(first, retry=None, single_connection_client=True) as worker:
        worker.ping()
        at_work = worker.connection
        urls = [first, *(url_in_the_bundle(tmp_path, "rotate", "eu-west") for _ in range(2))]
        tasks.accounts()
        assert at_work is not None
        at_work.send_command("PING")
        assert at_work.read_response() == b"PONG"  # on the connection of before: it was not closed
    assert [logs_in(url) for url in urls] == [True, True, True]
    for ending, still_there in zip(
        list(RegionKey.objects.order_by("made_at"))[:2], ([False, True, True], [False, False, True]), strict=True
    ):
        ending.valid_until = timezone.now()
        ending.save()
        tasks.reap()
        tasks.accounts()
        assert [logs_in(url) for url in urls] == still_there


def test_every_login_before_ends_at_once_where_keys_are_changed_without_an_overlap(
    server: MortalRedis, tmp_path: Path
) -> None:
    before = [url_in_the_bundle(tmp_path, verb, "eu-west") for verb in ("enroll", "rotate")]
    after = url_in_the_bundle(tmp_path, "rotate", "eu-west", "--overlap-hours", "0")
    assert [logs_in(url) for url in (*before, after)] == [False, False, True]


def test_retired_region_has_no_login(server: MortalRedis, tmp_path: Path) -> None:
    url = url_in_the_bundle(tmp_path, "enroll", "eu-west")
    call_command("region", "retire", "eu-west")
    assert accounts_at(server) == set()
    assert not logs_in(url)


def test_login_that_ends_while_the_table_is_read_is_not_brought_back(
    server: MortalRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process has read that the account should be there, and another removes it before the first goes on."""
    url = url_in_the_bundle(tmp_path, "enroll", "eu-west")
    valid = selectors.valid

    def retire() -> None:
        try:
            call_command("region", "retire", "eu-west")
        finally:
            connections.close_all()

    other = Thread(target=retire)

    def read_while_it_ends(now: datetime) -> list[Account]:
        wanted = valid(now)
        if not other.ident:
            other.start()
            other.join(1)  # it should not get to an end: it waits for this one
        return wanted

    monkeypatch.setattr(selectors, "valid", read_while_it_ends)
    tasks.accounts()
    other.join(30)
    assert accounts_at(server) == set()
    assert not logs_in(url)


def test_region_is_not_enrolled_while_its_broker_does_not_answer(server: MortalRedis, tmp_path: Path) -> None:
    server.kill()
    with pytest.raises(CommandError, match=r"^region eu-west can be given no login now: accounts at 127\.0\.0\.1:"):
        call_command("region", "enroll", "eu-west", "--out", str(tmp_path))
    assert not Region.objects.exists()
    assert list(tmp_path.glob("kairos-edge*")) == []


def test_region_is_retired_also_while_its_broker_does_not_answer(server: MortalRedis, tmp_path: Path) -> None:
    url_in_the_bundle(tmp_path, "enroll", "eu-west")
    server.kill()
    call_command("region", "retire", "eu-west")
    assert not BrokerAccount.objects.exists()


def test_login_that_the_operator_gives_all_regions_is_theirs(server: MortalRedis, tmp_path: Path) -> None:
    with override_settings(KAIROS_EDGE_BROKER_URL="redis://:one-for-all@far:6379/0"):
        assert url_in_the_bundle(tmp_path, "enroll", "eu-west") == "redis://:one-for-all@far:6379/0"
    assert accounts_at(server) == set()


def test_login_of_its_own_ends_where_the_login_for_all_takes_its_place(server: MortalRedis, tmp_path: Path) -> None:
    url = url_in_the_bundle(tmp_path, "enroll", "eu-west")
    with override_settings(KAIROS_EDGE_BROKER_URL="redis://:one-for-all@far:6379/0"):
        url_in_the_bundle(tmp_path, "rotate", "eu-west")
        assert logs_in(url)
        url_in_the_bundle(tmp_path, "rotate", "eu-west", "--overlap-hours", "0")
    assert not logs_in(url)


def test_worker_on_this_machine_gets_its_login_with_its_keys(server: MortalRedis) -> None:
    """It is asked for nothing more than one far away, and what it had counts for as long."""
    call_command("region", "enroll", "eu-west", "--here")
    before = url_here()
    assert urlsplit(before).username == NAMES[0]
    call_command("region", "rotate", "eu-west", "--here")
    after = url_here()
    assert urlsplit(after).username == NAMES[1]
    assert logs_in(before)
    assert logs_in(after)
    call_command("region", "rotate", "eu-west", "--here", "--overlap-hours", "0")
    assert not logs_in(after)
    assert logs_in(url_here())


def test_worker_on_this_machine_has_a_login_of_its_own_beside_one_for_all_others(server: MortalRedis) -> None:
    with override_settings(KAIROS_EDGE_BROKER_URL="redis://:one-for-all@far:6379/0"):
        call_command("region", "enroll", "eu-west", "--here")
    assert logs_in(url_here())
    assert urlsplit(url_here()).username == NAMES[0]


def test_retired_region_of_this_machine_has_no_login_until_it_is_brought_back(
    server: MortalRedis, tmp_path: Path, settings: Settings
) -> None:
    settings.KAIROS_REGIONS = (RegionName("eu-west", "Frankfurt"), RegionName("us-east", "Ohio"))

    def start() -> list[str]:
        call_command("prepare", broker_accounts=True, report=tmp_path / "report")
        retired: list[str] = json.loads((tmp_path / "report").read_text())["retired"]
        return retired

    assert start() == []
    before = url_here()
    assert logs_in(before)
    call_command("region", "retire", "eu-west")
    assert start() == ["eu-west"]
    assert not logs_in(before)
    assert accounts_at(server) == {"region-us-east"}
    call_command("region", "enroll", "eu-west", "--here")
    assert start() == []
    assert logs_in(url_here())


def test_login_of_a_worker_on_this_machine_stays_the_same_from_start_to_start(
    server: MortalRedis, tmp_path: Path, settings: Settings
) -> None:
    settings.KAIROS_REGIONS = (RegionName("eu-west", "Frankfurt"),)
    call_command("prepare", broker_accounts=True, report=tmp_path / "report")
    before = url_here()
    call_command("prepare", broker_accounts=True, report=tmp_path / "report")
    assert url_here() == before
    BrokerAccount.objects.all().delete()  # a database that was lost, or is another
    call_command("prepare", broker_accounts=True, report=tmp_path / "report")
    assert logs_in(url_here())


def test_workers_of_this_machine_share_the_login_of_a_broker_without_accounts(
    server: MortalRedis, tmp_path: Path, settings: Settings
) -> None:
    settings.KAIROS_REGIONS = (RegionName("eu-west", "Frankfurt"),)
    call_command("prepare", broker_accounts=True, report=tmp_path / "report")
    call_command("prepare", report=tmp_path / "report")  # as `make up` does on an older Redis
    assert url_here() == server.url
    tasks.accounts()
    assert not BrokerAccount.objects.exists()
    call_command("prepare", broker_accounts=True, report=tmp_path / "report")
    assert urlsplit(url_here()).username == NAMES[0]
    assert logs_in(url_here())


def test_broker_that_does_not_answer_leaves_the_files_of_workers_as_they_are(
    server: MortalRedis, tmp_path: Path, settings: Settings
) -> None:
    settings.KAIROS_REGIONS = (RegionName("eu-west", "Frankfurt"),)
    call_command("prepare", broker_accounts=True, report=tmp_path / "report")
    before = url_here()
    server.kill()
    with pytest.raises(CommandError, match=r"^accounts at 127\.0\.0\.1:"):
        call_command("prepare", broker_accounts=True, report=tmp_path / "report")
    assert url_here() == before


def test_worker_of_this_machine_logs_in_also_after_its_keys_were_handed_out(
    server: MortalRedis, tmp_path: Path, settings: Settings
) -> None:
    """Enrolled by `make up`, changed in the admin, the new file put in place: the login of `up` counts again."""
    settings.KAIROS_REGIONS = (RegionName("eu-west", "Frankfurt"),)

    def start() -> None:
        call_command("prepare", broker_accounts=True, report=tmp_path / "report")

    start()
    own = url_here()
    handed_out = url_in_the_bundle(tmp_path, "rotate", "eu-west")
    start()  # as it is told, with the files before: nothing is taken from whoever has the new ones
    assert url_here() == own
    assert BrokerAccount.objects.get(valid_until=None).username == NAMES[1]
    (tmp_path / "kairos-edge-eu-west" / "region-key.json").rename(enrolment.key_file("eu-west"))
    start()
    own = url_here()
    assert BrokerAccount.objects.get(valid_until=None).username == "region-eu-west.3"
    assert logs_in(own)
    assert logs_in(handed_out)  # for a day, as if it were replaced: whoever was handed the keys may be at work
