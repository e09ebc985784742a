"""The systemd units, by systemd's own judgement, and against what the images run."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy import bundle, compose
from tests.deploy.dockerfile import ROOT, stages

DIRECTORY = ROOT / "deploy" / "systemd"
UNITS = {path.name: path.read_text() for path in DIRECTORY.iterdir() if path.suffix in {".service", ".target"}} | {
    "kairos-edge.service": bundle.rendered("kairos-edge.service")
}
SERVICES = sorted(name for name in UNITS if name.endswith(".service"))
MOST_EXPOSED = 2.0  # of 10: systemd calls up to 3.9 "OK"
SYSTEM = ("sysinit.target", "basic.target", "shutdown.target", "multi-user.target", "network-online.target")
BIN = "/opt/kairos/.venv/bin/"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with the units and the programs that they name."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    units = tmp_path / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    for name, text in UNITS.items():
        (units / name).write_text(text)
    for name in SYSTEM:
        (units / name).write_text("[Unit]\nDescription=of every system\nDefaultDependencies=no\n")
    for name in ("python", "celery", "gunicorn"):
        program = tmp_path / BIN.lstrip("/") / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    return tmp_path


def verify(root: Path, name: str) -> str:
    path = root / "etc" / "systemd" / "system" / name
    asked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", f"--root={root}", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return "\n".join(line for line in asked.stderr.splitlines() if "kairos" in line)


@pytest.mark.parametrize("name", sorted(UNITS))
def test_systemd_finds_no_fault(root: Path, name: str) -> None:
    assert verify(root, name) == ""


def test_systemd_would_find_one(root: Path) -> None:
    unit = root / "etc" / "systemd" / "system" / "kairos-beat.service"
    unit.write_text(unit.read_text().replace("RestartSec=5", "RestartSecs=5").replace("/celery", "/salary"))
    assert "RestartSecs" in verify(root, "kairos-beat.service")


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_little_exposed(root: Path, name: str) -> None:
    asked = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--root={root}", f"{root}/etc/systemd/system/{name}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    found = re.search(r"exposure level for \S+: ([0-9.]+)", asked.stdout)
    assert found, asked.stderr
    assert float(found[1]) <= MOST_EXPOSED, asked.stdout


def command(name: str) -> list[str]:
    (line,) = re.findall(r"^ExecStart=(.*)$", UNITS[name], re.MULTILINE)
    return shlex.split(line.replace("%%", "%").removeprefix(BIN))


def test_services_run_what_is_run_in_containers() -> None:
    """test_compose_run and test_edge_image run these, argument by argument."""
    services = compose.services(dict.fromkeys(compose.NEEDED, "x"))
    assert command("kairos-edge.service") == list(stages()["edge"].command)
    assert command("kairos-web.service") == [
        "${KAIROS_BIND}" if word == "0.0.0.0:8000" else word for word in stages()["control"].command
    ]
    assert command("kairos-beat.service") == list(services["beat"].command)
    assert command("kairos-worker.service") == list(services["control"].command)
    assert command("kairos-prepare.service") == ["python", "manage.py", "prepare", "--without-regions", "--wait"]


def test_nothing_is_given_up_at_boot_because_the_database_comes_late() -> None:
    """A unit whose requirement failed is not started again, whatever its `Restart` says: so that must not fail."""
    required = {need for text in UNITS.values() for need in re.findall(r"^Requires=(.*)$", text, re.MULTILINE)}
    assert required == {"kairos-prepare.service"}
    assert "--wait" in command("kairos-prepare.service")
    assert "TimeoutStartSec=infinity\n" in UNITS["kairos-prepare.service"]


def test_worker_is_given_the_time_it_takes_to_stop() -> None:
    services = compose.services(dict.fromkeys(compose.NEEDED, "x"))
    for unit, service in (("kairos-worker", "control"), ("kairos-edge", "edge-eu-west")):
        assert f"TimeoutStopSec={services[service].grace_seconds:.0f}\n" in UNITS[f"{unit}.service"]


def test_region_that_was_set_up_wrongly_is_not_started_again_and_again() -> None:
    from probes.edge.__main__ import EXIT_SETTINGS  # noqa: PLC0415 - beside what it is compared with

    assert f"RestartPreventExitStatus={EXIT_SETTINGS}\n" in UNITS["kairos-edge.service"]
