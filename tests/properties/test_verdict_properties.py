"""Verdicts account for every vote, can be explained from what is stored of them, and are not made by silence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from probes.policy.ballot import Stance
from probes.policy.terms import Quorum
from probes.policy.verdict import Inputs, Presence, VerdictState, Vote, decide
from probes.protocol.taxonomy import Reason, Status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOLD: Final = (Status.AVAILABLE, Status.UNAVAILABLE, Status.DEGRADED)
UNTOLD: Final = (Status.INDETERMINATE, Status.CONFIG_ERROR)
AGREEING: Final = {
    VerdictState.AVAILABLE: (Status.AVAILABLE, Stance.GOOD),
    VerdictState.DEGRADED: (Status.DEGRADED, Stance.IMPAIRED),
    VerdictState.UNAVAILABLE: (Status.UNAVAILABLE, Stance.BAD),
}


def ago(most: int) -> st.SearchStrategy[datetime]:
    return st.integers(0, most).map(lambda seconds: NOON - timedelta(seconds=seconds))


@st.composite
def cast_votes(draw: st.DrawFn) -> Vote:
    """A vote as ingest would store it: the last word and the newest outcome are one, unless that could not tell."""
    vote = Vote(
        region=draw(st.uuids().map(str)),
        presence=draw(st.sampled_from([*[Presence.PRESENT] * 6, *Presence])),
        stride=draw(st.sampled_from([1, 2, 16])),
    )
    kind = draw(st.sampled_from([*["told"] * 6, "could not tell", "could never tell", "never checked"]))
    if kind == "never checked":
        return vote
    slot = draw(ago(600))
    vote = replace(vote, reason=draw(st.sampled_from(Reason)).value, slot=slot)
    if kind == "could never tell":
        return replace(vote, status=draw(st.sampled_from(UNTOLD)))
    told_at = slot if kind == "told" else slot - timedelta(seconds=draw(st.integers(1, 1000)))
    return replace(
        vote,
        status=draw(st.sampled_from(TOLD if kind == "told" else UNTOLD)),
        stance=draw(st.sampled_from([Stance.BAD, Stance.GOOD, *Stance])),
        told_at=told_at,
        since=told_at - timedelta(seconds=draw(st.integers(0, 1000))),
    )


quorums = st.builds(Quorum, percent=st.integers(1, 100)) | st.builds(Quorum, votes=st.integers(1, 5))
all_inputs = st.builds(
    Inputs,
    now=st.just(NOON),
    interval_seconds=st.integers(60, 300),
    votes=st.lists(cast_votes(), min_size=1, max_size=7).map(tuple),
    quorum=quorums | st.just(Quorum(percent=51)),
    minimum_votes=st.sampled_from([1, 1, 2, 3]),
    fresh_intervals=st.integers(1, 5),
)


def harm(inputs: Inputs) -> int:
    return decide(inputs).state.harm


def with_vote(inputs: Inputs, place: int, vote: Vote) -> Inputs:
    return replace(inputs, votes=(*inputs.votes[:place], vote, *inputs.votes[place + 1 :]))


@given(all_inputs)
def test_stored_inputs_explain_the_verdict(inputs: Inputs) -> None:
    again = Inputs.from_json(inputs.to_json())
    assert again == inputs
    assert decide(again) == decide(inputs)


@given(all_inputs)
def test_every_vote_is_counted_or_left_out(inputs: Inputs) -> None:
    decision = decide(inputs)
    assert decision.counted + len(decision.left_out) == len(inputs.votes)
    assert decision.bad <= decision.failing <= decision.counted
    assert set(decision.witnesses) <= set(decision.left_out)


@given(all_inputs, st.randoms(use_true_random=False))
def test_order_of_votes_does_not_matter(inputs: Inputs, chance: object) -> None:
    votes = list(inputs.votes)
    chance.shuffle(votes)  # type: ignore[attr-defined]  # hypothesis has no name for its type
    assert decide(replace(inputs, votes=tuple(votes))) == decide(inputs)


@pytest.mark.parametrize("absence", [Presence.SILENT, Presence.EGRESS_DOWN])
@settings(max_examples=250)
@given(all_inputs, st.data())
def test_region_that_falls_silent_makes_nothing_worse(absence: Presence, inputs: Inputs, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(inputs.votes) - 1))
    vote = inputs.votes[place]
    assume(vote.presence not in (Presence.PAUSED, Presence.DRAINING))
    assert harm(with_vote(inputs, place, replace(vote, presence=absence))) <= harm(inputs)


@given(all_inputs, cast_votes(), st.data())
def test_silent_region_that_joins_makes_nothing_worse(inputs: Inputs, vote: Vote, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(inputs.votes)))
    silent = replace(vote, presence=Presence.SILENT)
    joined = replace(inputs, votes=(*inputs.votes[:place], silent, *inputs.votes[place:]))
    assert harm(joined) <= harm(inputs)


@given(all_inputs, st.data())
def test_region_that_is_throttled_makes_nothing_worse(inputs: Inputs, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(inputs.votes) - 1))
    throttled = replace(inputs.votes[place], status=Status.INDETERMINATE, reason="rate_limited", slot=NOON)
    assert harm(with_vote(inputs, place, throttled)) <= harm(inputs)


@given(all_inputs, st.integers(1, 10_000))
def test_time_in_which_all_who_saw_it_well_said_so_last_makes_nothing_worse(inputs: Inputs, seconds: int) -> None:
    """Votes go stale, and no verdict is worse for it where the last words were said in view of the failure."""
    told = [vote for vote in inputs.votes if vote.told_at]
    began = max((vote.since for vote in told if vote.stance is Stance.BAD and vote.since), default=NOON)
    assume(all(vote.told_at >= began for vote in told if vote.told_at and vote.stance is not Stance.BAD))
    well = tuple(replace(vote, reason="ok") if vote.stance is Stance.GOOD else vote for vote in inputs.votes)
    settled = replace(inputs, votes=tuple(_in_line(vote) for vote in well))
    later = replace(settled, now=NOON + timedelta(seconds=seconds))
    assert harm(later) <= harm(settled)


def _in_line(vote: Vote) -> Vote:
    """Let what it said last be what it holds. A region that says something was heard, or is within seconds."""
    if vote.status is not None and vote.presence is Presence.UNHEARD:
        vote = replace(vote, presence=Presence.PRESENT)
    if vote.status not in TOLD or vote.stance is Stance.UNPROVED:
        return vote
    return replace(vote, status=Status.UNAVAILABLE if vote.stance is Stance.BAD else Status.AVAILABLE)


@given(all_inputs, st.data())
def test_vote_that_agrees_makes_nothing_worse(inputs: Inputs, data: st.DataObject) -> None:
    state = decide(inputs).state
    assume(state is not VerdictState.UNKNOWN)
    agreeing = data.draw(st.sampled_from([AGREEING[state], AGREEING[VerdictState.AVAILABLE]]))
    status, stance = agreeing
    vote = Vote(
        region="another",
        status=status,
        reason="why",
        slot=NOON,
        stance=stance,
        told_at=NOON,
        since=data.draw(ago(1000)),
    )
    assert harm(replace(inputs, votes=(*inputs.votes, vote))) <= harm(inputs)


@given(all_inputs, st.data())
def test_stance_that_gets_better_makes_nothing_worse(inputs: Inputs, data: st.DataObject) -> None:
    counted = [place for place, vote in enumerate(inputs.votes) if vote.region not in decide(inputs).left_out]
    assume(counted)
    place = data.draw(st.sampled_from(counted))
    better = replace(inputs.votes[place], status=Status.AVAILABLE, reason="ok", stance=Stance.GOOD)
    assert harm(with_vote(inputs, place, better)) <= harm(inputs)
