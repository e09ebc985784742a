"""`manage.py region`: one verb after another, as an operator types them."""

import io
import shutil
import subprocess
import sys
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
import yaml
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from probes.actions import enrolment, here, regions
from probes.broker.accounts import open_accounts
from probes.broker.address import BrokerAddress
from probes.bundle.contents import read_environment
from probes.management import roster
from probes.models import Region, RegionKey
from probes.tasks import logins
from probes.trust.keys import RegionKeys
from probes.version import VERSION
from tests.fakes.far_region import FarRegion
from tests.fakes.up import PROJECT, bare_environment

pytestmark = pytest.mark.django_db

CA = trustme.CA().cert_pem.bytes().decode()
BROKER = "rediss://broker.example.com:6380/0"


@pytest.fixture(autouse=True)
def _edge_settings(settings: Settings) -> None:
    settings.KAIROS_EDGE_BROKER_URL = BROKER
    settings.KAIROS_BROKER = BrokerAddress("")  # without accounts: tests/integration/control/test_logins.py has them
    settings.KAIROS_EDGE_BROKER_CA_FILE = ""
    settings.KAIROS_EDGE_IMAGE = "kairos-edge:test"


def environment(directory: Path) -> dict[str, str]:
    return dict(read_environment((directory / "kairos-edge.env").read_text()))


def enrolled(out: Path, *arguments: str) -> Path:
    call_command("region", "enroll", "eu-west", "--out", str(out), *arguments)
    return out / "kairos-edge-eu-west"


def test_enroll_makes_the_region_and_writes_its_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = enrolled(tmp_path, "--name", "Frankfurt", "--coordinates", "50.1,8.7")
    region = Region.objects.get()
    assert (region.slug, region.name, region.latitude, region.longitude) == ("eu-west", "Frankfurt", 50.1, 8.7)
    assert RegionKeys.load(directory / "region-key.json").public.verify_key_text == region.verify_key
    assert environment(directory)["BROKER_URL"] == BROKER
    said = capsys.readouterr().out
    assert said.startswith(f"{directory}\n{directory}.tar.gz\n")
    assert "The broker has no account for this region" in said


def test_coordinates_may_be_south_and_west(tmp_path: Path) -> None:
    enrolled(tmp_path, "--coordinates=-33.9,-70.6")
    assert Region.objects.get().latitude == -33.9


def test_surroundings_come_from_the_command_line_first(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text(CA)
    directory = enrolled(
        tmp_path, "--broker-url", "amqps://far:5671//", "--broker-ca", str(ca), "--image", "registry.test/edge:2"
    )
    assert environment(directory)["BROKER_URL"] == "amqps://far:5671//"
    assert (directory / "broker-ca.pem").read_text() == ca.read_text()
    assert "image: registry.test/edge:2" in (directory / "docker-compose.yml").read_text()


def test_ca_is_that_of_the_broker_as_regions_reach_it(tmp_path: Path, settings: Settings) -> None:
    ours, theirs = tmp_path / "ours.pem", tmp_path / "theirs.pem"
    ours.write_text(CA)
    theirs.write_text(trustme.CA().cert_pem.bytes().decode())
    settings.KAIROS_BROKER = BrokerAddress("", ca_file=str(ours))
    directory = enrolled(tmp_path)
    assert (directory / "broker-ca.pem").read_text() == ours.read_text()
    settings.KAIROS_EDGE_BROKER_CA_FILE = str(theirs)
    call_command("region", "rotate", "eu-west", "--out", str(tmp_path))
    assert (directory / "broker-ca.pem").read_text() == theirs.read_text()
    call_command("region", "rotate", "eu-west", "--out", str(tmp_path), "--broker-url", "redis://tunnel:6379/0")
    assert not (directory / "broker-ca.pem").exists()  # a worker takes none without TLS, and would not start


def test_login_of_a_broker_without_accounts_comes_from_the_environment(tmp_path: Path, settings: Settings) -> None:
    settings.KAIROS_EDGE_BROKER_URL = "redis://:one-for-all@broker:6379/0"
    directory = enrolled(tmp_path, "--broker-url", "redis://far:6379/0")
    assert environment(directory)["BROKER_URL"] == "redis://:one-for-all@far:6379/0"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--broker-url", "redis://:hunter2@far:6379/0"], "write the broker's URL without a login"),
        (["--broker-url", "http://far"], "must be one of redis"),
        (["--broker-ca", "/nowhere/ca.pem"], "CA file /nowhere/ca.pem: No such file"),
        (["--out", "/dev/null/x"], "/dev/null/x: Not a directory"),
        (["--coordinates", "91,8"], "region_coordinates_are_a_pair"),
    ],
)
def test_what_cannot_be_handed_over_is_not_enrolled(tmp_path: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message) as refused:
        call_command("region", "enroll", "eu-west", "--out", str(tmp_path), *arguments)
    assert "hunter2" not in str(refused.value)
    assert not Region.objects.exists()
    assert not list(tmp_path.iterdir())


def test_broker_on_loopback_is_no_region_s(tmp_path: Path, settings: Settings) -> None:
    settings.KAIROS_EDGE_BROKER_URL = ""
    settings.BROKER_URL = "redis://:secret@127.0.0.1:6379/0"
    with pytest.raises(CommandError, match="the broker is on loopback, which no region reaches"):
        enrolled(tmp_path)
    settings.BROKER_URL = "redis://:secret@broker:6379/0"
    assert environment(enrolled(tmp_path))["BROKER_URL"] == "redis://broker:6379/0"


@pytest.mark.parametrize("verb", ["drain", "pause", "resume", "retire", "rotate", "bundle"])
def test_unknown_region_is_one_line(verb: str, tmp_path: Path) -> None:
    out = ["--out", str(tmp_path)] if verb in ("rotate", "bundle") else []
    with pytest.raises(CommandError, match=r"no such region: nowhere|nowhere is not enrolled"):
        call_command("region", verb, "nowhere", *out)


def test_drain_pause_and_resume(capsys: pytest.CaptureFixture[str]) -> None:
    for slug in ("eu-west", "us-east"):
        enrolment.enroll_here(slug, now=datetime.now(UTC))
    call_command("region", "drain", "eu-west")
    call_command("region", "pause", "us-east")
    assert not Region.objects.active().exists()
    call_command("region", "drain", "eu-west", "us-east")
    call_command("region", "resume", "eu-west", "us-east")
    assert Region.objects.active().count() == 2
    call_command("region", "resume", "eu-west")
    assert capsys.readouterr().out.splitlines() == [
        "1 draining, 0 were already",
        "1 paused, 0 were already",
        "1 draining, 1 were already",
        "2 resumed, 0 were not drained or paused",
        "0 resumed, 1 were not drained or paused",
    ]


def test_retire_ends_the_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    enrolled(tmp_path)
    capsys.readouterr()
    call_command("region", "retire", "eu-west")
    call_command("region", "retire", "eu-west")
    assert capsys.readouterr().out == "1 retired, 0 were already\n0 retired, 1 were already\n"
    assert not RegionKey.objects.valid(datetime.now(UTC)).exists()


def test_rotate_writes_a_bundle_with_new_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = enrolled(tmp_path)
    before = RegionKeys.load(directory / "region-key.json")
    call_command("region", "rotate", "eu-west", "--out", str(tmp_path))
    after = RegionKeys.load(directory / "region-key.json")
    assert after.previous_box_keys == (before.box_key,)
    assert "The keys before count for 24 h at most." in capsys.readouterr().out
    call_command("region", "rotate", "eu-west", "--out", str(tmp_path), "--overlap-hours", "0")
    assert RegionKeys.load(directory / "region-key.json").previous_box_keys == ()
    assert "The keys before have ended." in capsys.readouterr().out


def test_rotate_keeps_what_the_bundle_before_says_of_the_broker(tmp_path: Path, settings: Settings) -> None:
    settings.KAIROS_EDGE_BROKER_URL = "rediss://:one-for-all@far:6380/0"
    ca = tmp_path / "ca.pem"
    ca.write_text(CA)
    directory = enrolled(tmp_path, "--broker-ca", str(ca))
    settings.KAIROS_EDGE_BROKER_URL = ""
    call_command("region", "rotate", "eu-west", "--out", str(tmp_path))
    assert environment(directory)["BROKER_URL"] == "rediss://:one-for-all@far:6380/0"
    assert (directory / "broker-ca.pem").read_text() == ca.read_text()
    call_command("region", "rotate", "eu-west", "--out", str(tmp_path), "--broker-url", "rediss://new:6380/0")
    assert environment(directory)["BROKER_URL"] == "rediss://:one-for-all@new:6380/0"


def test_ca_is_looked_for_in_one_order(tmp_path: Path, settings: Settings) -> None:
    """What is said, what the settings say for regions, what the bundle before says, and last what we trust."""
    said, for_regions, ours, of_before = (tmp_path / f"{name}.pem" for name in ("said", "regions", "ours", "before"))
    for path in (said, for_regions, ours, of_before):
        path.write_text(trustme.CA().cert_pem.bytes().decode())

    def rotated(*arguments: str) -> str:
        call_command("region", "rotate", "eu-west", "--out", str(tmp_path), *arguments)
        return (directory / "broker-ca.pem").read_text()

    directory = enrolled(tmp_path, "--broker-ca", str(of_before))
    settings.KAIROS_BROKER = BrokerAddress("", ca_file=str(ours))
    assert rotated() == of_before.read_text()
    settings.KAIROS_EDGE_BROKER_CA_FILE = str(for_regions)
    assert rotated("--broker-ca", str(said)) == said.read_text()
    assert rotated() == for_regions.read_text()
    settings.KAIROS_EDGE_BROKER_CA_FILE = ""
    (directory / "kairos-edge.env").unlink()  # nothing is said of the broker by what is left of the bundle,
    shutil.rmtree(settings.KAIROS_SURROUNDINGS_DIR)  # nor by what was kept of it
    assert rotated() == ours.read_text()


def test_region_that_trusts_the_system_s_roots_is_not_given_ours_with_its_new_keys(
    tmp_path: Path, settings: Settings
) -> None:
    """It reaches the broker by a public name, and we by an inner one."""
    directory = enrolled(tmp_path)
    (tmp_path / "ours.pem").write_text(CA)
    settings.KAIROS_BROKER = BrokerAddress("", ca_file=str(tmp_path / "ours.pem"))
    call_command("region", "rotate", "eu-west", "--out", str(tmp_path))
    assert not (directory / "broker-ca.pem").exists()


def test_rotate_keeps_the_image_that_the_region_runs(tmp_path: Path, settings: Settings) -> None:
    settings.KAIROS_EDGE_IMAGE = ""

    def image() -> object:
        return yaml.safe_load((directory / "docker-compose.yml").read_text())["services"]["edge"]["image"]

    directory = enrolled(tmp_path)
    assert image() == f"kairos-edge:{VERSION}"
    for said, then in (
        (("--image", "registry.test:5000/kairos-edge:2"), "registry.test:5000/kairos-edge:2"),
        ((), "registry.test:5000/kairos-edge:2"),
        (("--image", "other"), "other"),
    ):
        call_command("region", "rotate", "eu-west", "--out", str(tmp_path), *said)
        assert image() == then


def test_rotate_needs_no_bundle_of_the_last_time(tmp_path: Path, settings: Settings) -> None:
    """It was copied to the region and removed, as it is told; the login for all was in it, and is said again."""
    settings.KAIROS_EDGE_BROKER_URL = "rediss://:one-for-all@far:6380/0"
    settings.KAIROS_EDGE_IMAGE = ""
    (tmp_path / "ca.pem").write_text(CA)
    directory = enrolled(tmp_path, "--broker-ca", str(tmp_path / "ca.pem"), "--image", "registry.test/edge:2")
    settings.KAIROS_EDGE_BROKER_URL = ""
    for _ in range(2):
        shutil.rmtree(directory)
        call_command("region", "rotate", "eu-west", "--out", str(tmp_path))
        assert environment(directory)["BROKER_URL"] == "rediss://far:6380/0"
        assert (directory / "broker-ca.pem").read_text() == CA
        assert "image: registry.test/edge:2" in (directory / "docker-compose.yml").read_text()


def test_keys_are_handed_over_also_where_nothing_can_be_kept(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.KAIROS_SURROUNDINGS_DIR = Path("/dev/null/x")
    assert (enrolled(tmp_path) / "region-key.json").exists()
    assert "tell the next `rotate` of the broker and the image again" in capsys.readouterr().err


def test_archive_goes_to_standard_output_and_words_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """In a container there is no place for it that its owner reaches."""
    monkeypatch.chdir(tmp_path)
    for words in (("enroll", "eu-west"), ("rotate", "eu-west")):
        call_command("region", *words, "--out", "-")
        out, err = capfdbinary.readouterr()
        with tarfile.open(fileobj=io.BytesIO(out)) as archive:
            assert "kairos-edge-eu-west/region-key.json" in archive.getnames()
        assert b"Copy the directory or the archive" in err
        assert not list(tmp_path.glob("*kairos-edge*"))
    with pytest.raises(CommandError, match="a bundle is written anew where it lies"):
        call_command("region", "bundle", "eu-west", "--out", "-")


def test_archive_is_not_written_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(CommandError, match="send standard output into a file"):
        call_command("region", "enroll", "eu-west", "--out", "-")
    assert not Region.objects.exists()


def test_rotate_here_replaces_the_files_of_this_machine(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    call_command("region", "enroll", "eu-west", "--here", "--name", "Frankfurt")
    path = enrolment.key_file("eu-west")
    before = RegionKeys.load(path)
    settings.KAIROS_BROKER = BrokerAddress("redis://:secret@broker:6379/0")
    monkeypatch.setattr(logins, "open_accounts", lambda *_: open_accounts(BrokerAddress("")))
    call_command("region", "rotate", "eu-west", "--here")
    assert RegionKeys.load(path).previous_box_keys == (before.box_key,)
    assert here.url_file("eu-west").read_text() == "redis://:secret@broker:6379/0\n"
    assert here.url_file("eu-west").stat().st_mode & 0o777 == 0o600


def test_bundle_is_written_anew_for_a_broker_that_moved(tmp_path: Path, settings: Settings) -> None:
    settings.KAIROS_EDGE_BROKER_URL = "rediss://:one-for-all@old:6380/0"
    ca = tmp_path / "ca.pem"
    ca.write_text(CA)
    directory = enrolled(tmp_path, "--broker-ca", str(ca))
    keys = RegionKeys.load(directory / "region-key.json")
    settings.KAIROS_EDGE_BROKER_URL = ""
    call_command("region", "bundle", "eu-west", "--out", str(tmp_path), "--broker-url", "rediss://new:6380/0")
    assert RegionKeys.load(directory / "region-key.json") == keys
    assert environment(directory)["BROKER_URL"] == "rediss://:one-for-all@new:6380/0"
    assert (directory / "broker-ca.pem").exists()
    assert RegionKey.objects.count() == 1


def test_bundle_with_old_keys_is_not_written_anew(tmp_path: Path) -> None:
    directory = enrolled(tmp_path)
    enrolment.rotate("eu-west", now=datetime.now(UTC))
    with pytest.raises(CommandError, match="does not hold the current keys of eu-west"):
        call_command("region", "bundle", "eu-west", "--out", str(tmp_path))
    call_command("region", "rotate", "eu-west", "--out", str(tmp_path))
    call_command("region", "retire", "eu-west")
    with pytest.raises(CommandError, match="does not hold the current keys of eu-west"):
        call_command("region", "bundle", "eu-west", "--out", str(tmp_path))
    (directory / "region-key.json").unlink()
    with pytest.raises(CommandError, match="cannot read the key file"):
        call_command("region", "bundle", "eu-west", "--out", str(tmp_path))


def test_list_shows_condition_and_how_far_a_change_of_keys_has_got() -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert [line.split() for line in roster.lines(now=now)] == [["SLUG", "NAME", "CONDITION", "LAST", "SEEN", "KEYS"]]
    enrolment.enroll("ap-south", now=now)
    far = FarRegion(*_enrolled("eu-west", now))
    regions.record_heartbeat(far.heartbeat(), now=now)
    enrolment.rotate("eu-west", now=now)
    lines = list(roster.lines(now=now + timedelta(seconds=5)))
    assert lines[1].split(maxsplit=4) == ["ap-south", "ap-south", "active", "-", "of 2026-01-01, not used yet"]
    assert lines[2].endswith("of 2026-01-01, not used yet; the one before counts until 2026-01-02 12:00 UTC")
    assert "5 s ago" in lines[2]


def _enrolled(slug: str, now: datetime) -> tuple[Region, RegionKeys]:
    issued = enrolment.enroll(slug, now=now)
    return issued.region, issued.keys


def test_help_teaches_the_life_of_a_region(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "region", "--help"],
        cwd=PROJECT,
        env=bare_environment({"KAIROS_STATE_DIR": str(tmp_path)}),
        capture_output=True,
        text=True,
        check=True,
    )
    for verb in ("enroll", "rotate", "bundle", "drain", "pause", "resume", "retire", "list"):
        assert f"    {verb} " in done.stdout
    assert "manage.py region enroll eu-west --name Frankfurt" in done.stdout
    assert all(len(line) <= 120 for line in done.stdout.splitlines())
