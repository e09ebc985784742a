"""The verdict in a sentence, from the evidence: which regions cannot do what, and what answered them how.

PURE. When a verdict is made only codes are at hand, and it is explained by these (`policy.explanation`). The page has
what each region found as well, so it can say which layer it was, and with what the host answered.
"""

from collections.abc import Mapping
from datetime import datetime

from dashboard import words
from dashboard.image.ladder import failing, most_common
from probes.models import Verdict
from probes.policy.ballot import Stance
from probes.policy.verdict import Decision, Inputs, VerdictState, decide
from probes.protocol.outcome import Outcome


def of_verdict(verdict: Verdict | None, outcomes: Mapping[str, Outcome], now: datetime) -> str:
    """Return the sentence of a verdict; empty where its own explanation says as much."""
    if verdict is None or not verdict.inputs or VerdictState(verdict.state).harm == 0:
        return ""
    inputs = Inputs.from_json(verdict.inputs)
    return sentence(inputs, decide(inputs), outcomes, now)


def sentence(inputs: Inputs, decision: Decision, outcomes: Mapping[str, Outcome], now: datetime) -> str:
    """Return why the verdict is bad, with a full stop; empty where it is not, or the evidence does not tell.

    `outcomes` are the last ones by region. One that no exchange is to blame for tells nothing that a code does not.
    """
    stance = Stance.BAD if decision.bad else Stance.IMPAIRED
    failed = [vote for vote in inputs.votes if vote.region not in decision.left_out and vote.stance is stance]
    found = [outcomes[vote.region] for vote in failed if vote.region in outcomes]
    best, alike = most_common(outcome for outcome in found if outcome.failed_step is not None)
    if not decision.failing or best is None:
        return ""
    since = min((vote.since for vote in failed if vote.since), default=inputs.now)
    cannot, because = failing(best)
    regions = "fresh region" if decision.counted == 1 else "fresh regions"
    many = f"fail, {alike} of them " if alike < len(failed) else ""
    said = (
        f"{len(failed)} of {decision.counted} {regions} {many}{cannot}: {because} since {words.clock(since, now)} UTC"
    )
    if witnesses := len(decision.witnesses):
        said += f"; {witnesses} that {'does' if witnesses == 1 else 'do'} not vote now had found it good"
    return f"{said}."
