"""A verdict in one sentence, for whoever is called at night: how many regions, what fails, where, since when."""

from collections import Counter
from datetime import UTC, datetime
from typing import Final

from probes.policy import reason_words
from probes.policy.ballot import Ballot, Stance
from probes.policy.verdict import Decision, Inputs, VerdictState, Vote
from probes.protocol.taxonomy import Stage

_CANNOT: Final[dict[Stage | None, str]] = {
    Stage.PARSE: "cannot make sense of the reference",
    Stage.DNS: "cannot find a host",
    Stage.CONNECT: "cannot connect",
    Stage.TLS: "cannot connect safely",
    Stage.CHALLENGE: "get no usable login instructions",
    Stage.TOKEN: "cannot log in",
    Stage.MANIFEST: "cannot read the manifest",
    Stage.INDEX: "cannot read the index",
    Stage.CHILD: "cannot read a platform's manifest",
    Stage.CONFIG: "cannot read the config",
    Stage.LAYER: "cannot read a layer",
    Stage.REQUEST: "get another answer than expected",
    Stage.REDIRECT: "get another answer than expected after a redirect",
}


def sentence(inputs: Inputs, decision: Decision) -> str:
    """Return why the verdict is what it is, without a full stop. Times are UTC, with the day where it is another."""
    counted = f"{decision.counted} fresh region{'' if decision.counted == 1 else 's'}"
    if decision.state is VerdictState.UNKNOWN:
        return f"{decision.counted} of {len(inputs.votes)} regions have a fresh vote, which is too few to tell"
    if not decision.failing:
        return f"all is well from {counted}"
    voting = [vote for vote in inputs.votes if vote.region not in decision.left_out]
    stance = Stance.BAD if decision.bad else Stance.IMPAIRED
    failing = [vote for vote in voting if vote.stance is stance]
    told = [vote for vote in failing if vote.ballot is not Ballot.GOOD]
    since = _clock(min((vote.since for vote in failing if vote.since), default=inputs.now), inputs.now)
    said = (
        f"{len(failing)} of {counted} {_finding(told) if told else 'begin to recover from a failure'} since {since}"
    )
    if witnesses := len(decision.witnesses):
        said += f"; {witnesses} that {'does' if witnesses == 1 else 'do'} not vote now had found it good"
    return said


def _finding(told: list[Vote]) -> str:
    """Return what most of those that fail found; the first by name of as many."""
    found = Counter((vote.stage, vote.host, vote.reason) for vote in sorted(told, key=lambda vote: vote.region))
    ((stage, host, reason), _) = found.most_common(1)[0]
    detail = next((vote.detail for vote in told if vote.detail and vote.reason == reason), "")
    what = ", ".join(filter(None, (reason_words.told(reason or ""), detail)))
    return f"{_CANNOT.get(stage, 'fail')}: {host + ': ' if host else ''}{what}"


def _clock(at: datetime, now: datetime) -> str:
    at = at.astimezone(UTC)
    day = "" if at.date() == now.astimezone(UTC).date() else f"{at.day} {at:%b} "
    return f"{day}{at:%H:%M} UTC"
