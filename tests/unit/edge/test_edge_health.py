"""The note that a worker leaves of its heartbeats, and what is read from it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from probes.broker.address import BrokerAddress
from probes.edge.health import NotedLink, ailment, main
from probes.edge.heartbeat import Pulse, Vitals
from probes.edge.link import LinkDown
from probes.edge.pulse_route import PulseRoute
from probes.edge.settings import EdgeSettings
from probes.edge.waits import Waits
from probes.trust.keys import ControlKeys, RegionKeys

NOW = 1000.0
WORKER = "00000000-0000-0000-0000-000000000009"


class FakeLink:
    """A broker that may be away."""

    def __init__(self) -> None:
        self.is_away = False
        self.is_closed = False

    def send(self, task: str, envelope: dict[str, Any], *, queue: str) -> None:
        if self.is_away:
            raise LinkDown("away")

    def queue_length(self, queue: str) -> int:
        if self.is_away:
            raise LinkDown("away")
        return 0

    def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize(
    ("note", "wrong"),
    [
        ("1000.0 1000.0", ""),
        ("1000.0 955.1", ""),
        ("1000.0 954.9", "the broker has not taken a heartbeat for 45 s"),
        ("1000.0 ", "the broker has not taken a heartbeat yet"),
        ("879.0 879.0", "no heartbeat has been tried for 121 s"),
        ("1001.0 1000.0", "no heartbeat has been tried for -1 s"),  # from before the machine was started again
        ("nan nan", "no heartbeat has been tried for nan s"),
        ("", "the note of its last heartbeat cannot be read"),
        ("1000.0 soon", "the note of its last heartbeat cannot be read"),
    ],
)
def test_worker_is_well_while_the_broker_takes_its_heartbeats(note: str, wrong: str) -> None:
    assert ailment(note, NOW, heartbeat_seconds=10, alive=False) == wrong


@pytest.mark.parametrize(
    ("note", "heartbeat_seconds", "wrong"),
    [
        ("1000.0 ", 10, ""),
        ("881.0 100.0", 10, ""),
        ("879.0 879.0", 10, "no heartbeat has been tried for 121 s"),
        ("500.0 500.0", 300, ""),  # a slow heart
    ],
)
def test_worker_lives_while_it_tries(note: str, heartbeat_seconds: float, wrong: str) -> None:
    assert ailment(note, NOW, heartbeat_seconds=heartbeat_seconds, alive=True) == wrong


def test_heartbeat_leaves_a_note_of_what_became_of_it(tmp_path: Path) -> None:
    clock = iter(range(100, 200)).__next__
    link = FakeLink()
    keys = RegionKeys.generate("eu-west", ControlKeys.generate().verify_key)
    settings = EdgeSettings(broker=BrokerAddress("redis://127.0.0.1:1/0"), keys=keys)
    noted = NotedLink(link, tmp_path / "health", clock=lambda: float(clock()))
    pulse = Pulse(settings, noted, Waits(), PulseRoute(), worker=WORKER, take=Vitals, on_stuck=lambda _: None)
    pulse.beat()
    tried, sent = map(float, (tmp_path / "health").read_text().split())
    assert tried - 2 < sent <= tried
    link.is_away = True
    pulse.beat()
    tried_again, still_sent = map(float, (tmp_path / "health").read_text().split())
    assert tried_again > tried
    assert still_sent == sent
    assert [path.name for path in tmp_path.iterdir()] == ["health"], "one file, in one step"
    noted.close()
    assert link.is_closed


def test_file_that_cannot_be_written_is_told_once_and_harms_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    noted = NotedLink(FakeLink(), tmp_path / "nowhere" / "health")
    for _ in range(2):
        assert noted.queue_length("probe.eu-west") == 0
        noted.send("probes.heartbeat", {}, queue="heartbeats")
    assert caplog.text.count("KAIROS_EDGE_HEALTH_FILE") == 1


@pytest.mark.parametrize(
    ("arguments", "environ", "status"),
    [
        ((), {}, 2),
        (("--alive", "--more"), {"KAIROS_EDGE_HEALTH_FILE": "health"}, 2),
        ((), {"KAIROS_EDGE_HEALTH_FILE": "nowhere"}, 1),
        ((), {"KAIROS_EDGE_HEALTH_FILE": "health"}, 1),
        ((), {"KAIROS_EDGE_HEALTH_FILE": "health", "KAIROS_EDGE_HEARTBEAT_SECONDS": "60"}, 0),
        (("--alive",), {"KAIROS_EDGE_HEALTH_FILE": "health"}, 0),
    ],
)
def test_exit_status_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], environ: dict[str, str], status: int
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "health").write_text("990.0 900.0\n")
    assert main(arguments, environ, NOW) == status


def test_asking_imports_the_standard_library_alone() -> None:
    """It is started every few seconds beside a worker on a small machine."""
    program = "import sys, probes.edge.health; print([n for n in sys.modules if 'celery' in n or 'nacl' in n])"
    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert asked.stdout == "[]\n"
