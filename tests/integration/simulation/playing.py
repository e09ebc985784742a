"""The scenarios that come with Kairos, and how one is played."""

from pathlib import Path

from kairos.management.commands.simulate import SCENARIOS
from kairos.simulation import report
from kairos.simulation.expectation import INCIDENTS
from kairos.simulation.scenario import Scenario, read_scenario


def play(path: Path) -> report.Played:
    return report.play(_read(path))


def with_incidents() -> list[Path]:
    return [path for path in _all() if _expects_incidents(path)]


def without_incidents() -> list[Path]:
    return [path for path in _all() if not _expects_incidents(path)]


def _all() -> list[Path]:
    return sorted(SCENARIOS.glob("*.yaml"))


def _expects_incidents(path: Path) -> bool:
    expectation = _read(path).expectation
    return bool(expectation and expectation.lines.get(INCIDENTS))


def _read(path: Path) -> Scenario:
    return read_scenario(path.read_text(encoding="utf-8"))
