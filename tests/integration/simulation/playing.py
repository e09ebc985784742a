"""The scenarios that come with Kairos, how one is played, and what is held of each."""

from pathlib import Path

from kairos.management.commands.simulate import SCENARIOS
from kairos.simulation import report
from kairos.simulation.expectation import INCIDENTS
from kairos.simulation.scenario import Scenario, read_scenario
from probes.models import Verdict, VerdictChange
from probes.policy.explanation import sentence
from probes.policy.verdict import Inputs, decide


def play(path: Path) -> report.Played:
    return report.play(_read(path))


def replayed_otherwise() -> list[str]:
    """Return the verdicts of what was played last that their stored inputs do not come to; none, if all is well.

    Each change there was, and the verdict that each resource has in the end.
    """
    kept: list[VerdictChange | Verdict] = [*VerdictChange.objects.order_by("id"), *Verdict.objects.all()]
    assert len(kept) > Verdict.objects.count(), "no verdict ever changed, so that nothing would be held"
    wrong = []
    for row in kept:
        inputs = Inputs.from_json(row.inputs)
        decision = decide(inputs)
        again = (decision.state, sentence(inputs, decision))
        if again != (row.state, row.explanation):
            wrong.append(f"{row}: {row.explanation} Replayed: {': '.join(again)}")
    return wrong


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
