"""Verdicts account for every vote, and can be explained from what is stored of them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from probes.policy.verdict import Inputs, Presence, Vote, decide
from probes.protocol.taxonomy import Status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

cast_votes = st.builds(
    Vote,
    region=st.uuids().map(str),
    presence=st.sampled_from(Presence),
    stride=st.sampled_from([1, 2, 16]),
    status=st.none() | st.sampled_from(Status),
    reason=st.none() | st.just("why"),
    slot=st.none() | st.integers(0, 500).map(lambda seconds: NOON - timedelta(seconds=seconds)),
)
all_inputs = st.builds(
    Inputs,
    now=st.just(NOON),
    interval_seconds=st.integers(1, 300),
    votes=st.lists(cast_votes, max_size=7).map(tuple),
    minimum_votes=st.integers(1, 4),
    fresh_intervals=st.integers(1, 5),
)


@given(all_inputs)
def test_stored_inputs_explain_the_verdict(inputs: Inputs) -> None:
    again = Inputs.from_json(inputs.to_json())
    assert again == inputs
    assert decide(again) == decide(inputs)


@given(all_inputs)
def test_every_vote_is_counted_or_left_out(inputs: Inputs) -> None:
    decision = decide(inputs)
    assert decision.counted + len(decision.left_out) == len(inputs.votes)
    assert decision.failing <= decision.counted
