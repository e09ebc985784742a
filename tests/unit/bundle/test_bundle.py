"""What a region's machine is given: complete, private where it must be, and readable by whoever reads it there."""

import configparser
import io
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from probes.bundle import archive
from probes.bundle.contents import (
    TEMPLATES,
    Bundle,
    BundleRefused,
    read_environment,
    with_login,
    with_login_of,
)
from probes.edge.settings import EdgeSettings
from probes.trust.keys import ControlKeys, RegionKeys

KEYS = RegionKeys.generate("eu-west", ControlKeys.generate().verify_key)
AUTHORITY = trustme.CA()
CA = AUTHORITY.cert_pem.bytes().decode()
KEY_OF_THE_CA = AUTHORITY.private_key_pem.bytes().decode()
URL = "rediss://region-eu-west:pass-word@broker.example.com:6380/0"
PRIVATE = {"kairos-edge.env", "region-key.json"}


def bundle(**changes: Any) -> Bundle:
    values = {"keys": KEYS, "region_name": "Frankfurt", "broker_url": URL, "image": "registry.test/kairos-edge:1"}
    return Bundle(**{**values, "broker_ca_pem": CA, **changes})


def texts(**changes: Any) -> dict[str, str]:
    return {file.name: file.text for file in bundle(**changes).files}


def test_bundle_holds_all_that_the_three_ways_need() -> None:
    files = bundle().files
    assert {file.name for file in files} == {*PRIVATE, "broker-ca.pem", *TEMPLATES}
    assert {file.name for file in files if file.is_private} == PRIVATE
    assert "broker-ca.pem" not in texts(broker_ca_pem="")


def test_secrets_are_in_the_private_files_only() -> None:
    shown = "".join(text for name, text in texts().items() if name not in PRIVATE)
    assert "pass-word" not in shown
    assert KEYS.to_text().split('"')[-2] not in shown
    assert "pass-word" not in repr(bundle())
    assert not any("pass-word" in repr(file) for file in bundle().files)


def test_environment_is_what_a_worker_starts_with(tmp_path: Path) -> None:
    directory, _ = archive.write(bundle(), tmp_path)
    environment = dict(read_environment((directory / "kairos-edge.env").read_text()))
    assert environment["KAIROS_REGION_KEY_FILE"] == "/etc/kairos/region-key.json"
    assert environment["KAIROS_BROKER_CA_FILE"] == "/etc/kairos/broker-ca.pem"
    environment["KAIROS_REGION_KEY_FILE"] = str(directory / "region-key.json")
    environment["KAIROS_BROKER_CA_FILE"] = str(directory / "broker-ca.pem")
    settings = EdgeSettings.from_environ(environment)
    assert (settings.region, settings.broker.url, settings.keys) == ("eu-west", URL, KEYS)
    assert "KAIROS_BROKER_CA_FILE" not in read_environment(texts(broker_ca_pem="")["kairos-edge.env"])


def test_compose_file_runs_the_image_with_these_files() -> None:
    document = yaml.safe_load(texts()["docker-compose.yml"])
    assert document["name"] == "kairos-edge-eu-west"
    (service,) = document["services"].values()
    assert (service["image"], service["env_file"]) == ("registry.test/kairos-edge:1", "kairos-edge.env")
    assert service["volumes"] == [
        "./region-key.json:/etc/kairos/region-key.json:ro",
        "./broker-ca.pem:/etc/kairos/broker-ca.pem:ro",
    ]
    (service,) = yaml.safe_load(texts(broker_ca_pem="")["docker-compose.yml"])["services"].values()
    assert service["volumes"] == ["./region-key.json:/etc/kairos/region-key.json:ro"]


def test_systemd_unit_reads_the_environment_where_the_bundle_says_it_lies() -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read_string(texts()["kairos-edge.service"])
    assert parser["Service"]["EnvironmentFile"] == "/etc/kairos/kairos-edge.env"
    assert parser["Unit"]["Description"].endswith("region eu-west")


def test_helm_values_name_the_region_and_no_secret() -> None:
    document = yaml.safe_load(texts()["values.yaml"])
    assert document["region"] == "eu-west"
    assert "helm upgrade --install kairos-edge-eu-west" in texts()["values.yaml"]
    assert "pass-word" not in str(document)


@pytest.mark.parametrize("slug", ["no", "on", "12", "1e3", "null"])
def test_helm_is_told_a_slug_and_no_other_kind_of_value(slug: str) -> None:
    keys = RegionKeys.generate(slug, KEYS.control_verify_key)
    assert yaml.safe_load(texts(keys=keys)["values.yaml"])["region"] == slug


@pytest.mark.parametrize("name", ["${x} $y", "two\nlines", "'; #", "Île-de-France", "a\x1b[31mb\x07\x85c\u2028d"])
def test_name_of_a_region_stays_in_its_comment(name: str) -> None:
    files = texts(region_name=name)
    assert yaml.safe_load(files["docker-compose.yml"]) == yaml.safe_load(texts()["docker-compose.yml"])
    assert yaml.safe_load(files["values.yaml"]) == yaml.safe_load(texts()["values.yaml"])
    plain = texts(region_name="Frankfurt")["kairos-edge.service"].splitlines()[1:]
    assert files["kairos-edge.service"].splitlines()[1:] == plain


def test_readme_says_the_three_ways_in_a_page() -> None:
    readme = texts()["README.md"]
    assert all(word in readme for word in ("docker compose up -d", "systemctl enable --now", "`values.yaml`"))
    assert len(readme.splitlines()) < 20


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"broker_url": "http://broker:80"}, "must be one of redis, rediss, amqp, amqps"),
        ({"broker_url": "redis://:secret@/0"}, "must be one of"),
        ({"broker_url": "redis://:secret@host:99999/0"}, "must be one of"),
        ({"broker_url": "redis://:se cret@host/0"}, "%-encode them"),
        ({"broker_url": "redis://:se$cret@host/0"}, "%-encode them"),
        ({"broker_url": "redis://:se'cret@host/0"}, "%-encode them"),
        ({"broker_url": "redis://:secret@host/0#x"}, "%-encode them"),
        ({"image": "a: b"}, "'a: b' is not a reference of an image"),
        ({"image": ""}, "'' is not a reference"),
        ({"broker_ca_pem": "hello"}, "no certificates in PEM"),
        ({"broker_ca_pem": CA + KEY_OF_THE_CA}, "holds a private key"),
        ({"broker_url": "redis://:secret@host:6379/0"}, "a CA needs a broker with TLS"),
        ({"broker_url": "rediss://:secret@host:6379/0?ssl_cert_reqs=none"}, "beside which a CA does not count"),
    ],
)
def test_value_that_would_be_misread_at_the_region_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleRefused, match=message) as refused:
        bundle(**changes)
    assert "cret" not in str(refused.value)


def test_directory_is_its_owners_alone(tmp_path: Path) -> None:
    directory, packed = archive.write(bundle(), tmp_path / "new")
    assert directory == tmp_path / "new" / "kairos-edge-eu-west"
    modes = {path.name: path.stat().st_mode & 0o777 for path in (directory, packed, *directory.iterdir())}
    assert modes.pop("kairos-edge-eu-west") == 0o700
    assert modes.pop("kairos-edge-eu-west.tar.gz") == 0o600
    assert {name for name, mode in modes.items() if mode == 0o600} == PRIVATE
    assert set(modes.values()) == {0o600, 0o644}
    assert RegionKeys.load(directory / "region-key.json") == KEYS


def test_archive_unpacks_to_the_same(tmp_path: Path) -> None:
    directory, packed = archive.write(bundle(), tmp_path)
    (tmp_path / "far").mkdir()
    subprocess.run(["tar", "-xzf", packed, "-C", tmp_path / "far"], check=True)
    far = tmp_path / "far" / directory.name
    assert far.stat().st_mode & 0o777 == 0o700
    for path in directory.iterdir():
        assert (far / path.name).read_text() == path.read_text()
        assert (far / path.name).stat().st_mode == path.stat().st_mode


def test_archive_tells_nothing_of_who_made_it() -> None:
    with tarfile.open(fileobj=io.BytesIO(archive.packed(bundle()))) as opened:
        assert {(entry.uid, entry.gid, entry.uname, entry.gname) for entry in opened} == {(0, 0, "", "")}


def test_bundle_replaces_the_one_before_whole(tmp_path: Path) -> None:
    directory, _ = archive.write(bundle(), tmp_path)
    archive.write(bundle(broker_ca_pem="", image="other"), tmp_path)
    assert not (directory / "broker-ca.pem").exists()
    assert "image: other" in (directory / "docker-compose.yml").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"kairos-edge-eu-west", "kairos-edge-eu-west.tar.gz"}


def test_failed_write_leaves_the_bundle_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory, packed = archive.write(bundle(), tmp_path)
    before = packed.read_bytes()

    def fail(_: Bundle) -> bytes:
        raise OSError("disk full")

    monkeypatch.setattr(archive, "packed", fail)
    with pytest.raises(OSError, match="disk full"):
        archive.write(bundle(image="other"), tmp_path)
    assert packed.read_bytes() == before
    assert "registry.test/kairos-edge:1" in (directory / "docker-compose.yml").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"kairos-edge-eu-west", "kairos-edge-eu-west.tar.gz"}


@pytest.mark.parametrize(
    ("failing", "has_one_before"),
    [("before", True), ("directory", True), ("archive", True), ("directory", False), ("archive", False)],
)
def test_failed_replacement_leaves_what_there_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, *, has_one_before: bool
) -> None:
    """A bundle whose directory and archive are of two rotations would start with keys that end with the other."""
    before = set()
    if has_one_before:
        directory, packed = archive.write(bundle(), tmp_path)
        before = {(path, path.read_bytes()) for path in (packed, *directory.iterdir())}
    steps = iter(["before", "directory", "archive"] if has_one_before else ["directory", "archive"])

    def failing_at_its_step(move: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
        def moved(path: Path, target: Path) -> Path:
            if next(steps, None) == failing:
                raise OSError("disk full")
            return move(path, target)

        return moved

    monkeypatch.setattr(Path, "rename", failing_at_its_step(Path.rename))
    monkeypatch.setattr(Path, "replace", failing_at_its_step(Path.replace))
    with pytest.raises(OSError, match="disk full"):
        archive.write(bundle(image="other"), tmp_path)
    monkeypatch.undo()
    assert {(path, path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file()} == before
    assert {path.name for path in tmp_path.iterdir()} == (
        {"kairos-edge-eu-west", "kairos-edge-eu-west.tar.gz"} if has_one_before else set()
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rediss://broker:6380/0", "rediss://region-x:p%2Fw@broker:6380/0"),
        ("redis://:all@[::1]:6379/0?x=1", "redis://region-x:p%2Fw@[::1]:6379/0?x=1"),
        ("amqps://a:b@broker//", "amqps://region-x:p%2Fw@broker//"),
    ],
)
def test_login_takes_the_place_of_any_before(url: str, expected: str) -> None:
    assert with_login(url, "region-x", "p/w") == expected


def test_login_of_the_address_before_serves_at_the_new_one() -> None:
    assert with_login_of("rediss://new:1/0", URL) == "rediss://region-eu-west:pass-word@new:1/0"
    assert with_login_of("rediss://own:login@new:1/0", URL) == "rediss://own:login@new:1/0"
    assert with_login_of("rediss://new:1/0", "redis://old") == "rediss://new:1/0"
