"""Verdicts over regions: whose votes count, and what they come to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.liveness import RegionCondition
from probes.policy.verdict import Decision, Inputs, Presence, VerdictState, Vote, decide
from probes.protocol.taxonomy import Status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
INTERVAL = 60
FRESH = timedelta(seconds=3 * INTERVAL + 30)
WORDS = {
    "up": Status.AVAILABLE,
    "down": Status.UNAVAILABLE,
    "ill": Status.DEGRADED,
    "?": Status.INDETERMINATE,
    "conf": Status.CONFIG_ERROR,
}


def vote(
    word: str, *, region: str = "r", age: timedelta = timedelta(0), presence: Presence = Presence.PRESENT
) -> Vote:
    return Vote(region=region, presence=presence, status=WORDS[word], reason=word, slot=NOON - age)


def votes(text: str) -> tuple[Vote, ...]:
    return tuple(vote(word, region=f"r{n}") for n, word in enumerate(text.split()))


def decided(*cast: Vote, minimum: int = 2) -> Decision:
    return decide(Inputs(now=NOON, interval_seconds=INTERVAL, votes=cast, minimum_votes=minimum))


@pytest.mark.parametrize(
    ("cast", "state"),
    [
        ("up up up", VerdictState.AVAILABLE),
        ("up up down", VerdictState.DEGRADED),
        ("up down down", VerdictState.UNAVAILABLE),
        ("down down down", VerdictState.UNAVAILABLE),
        ("up down", VerdictState.DEGRADED),
        ("ill ill ill", VerdictState.DEGRADED),
        ("up up ill", VerdictState.DEGRADED),
        ("down ill up", VerdictState.DEGRADED),
        ("down down ill", VerdictState.UNAVAILABLE),
        ("up up ?", VerdictState.AVAILABLE),
        ("down down ?", VerdictState.UNAVAILABLE),
        ("up up conf", VerdictState.AVAILABLE),
        ("up ? ?", VerdictState.UNKNOWN),
        ("? ? ?", VerdictState.UNKNOWN),
        ("conf conf conf", VerdictState.UNKNOWN),
        ("up", VerdictState.AVAILABLE),
        ("down", VerdictState.UNAVAILABLE),
        ("", VerdictState.UNKNOWN),
    ],
)
def test_verdict_is_the_majority_of_counted_votes(cast: str, state: VerdictState) -> None:
    """N20: what one region alone cannot reach is degraded; what most cannot is their verdict."""
    assert decided(*votes(cast)).state is state


def test_every_vote_that_does_not_count_says_why() -> None:
    decision = decided(
        vote("up", region="a"),
        vote("down", region="b", presence=Presence.PAUSED),
        vote("down", region="c", presence=Presence.SILENT),
        Vote(region="d"),
        vote("down", region="e", age=FRESH),
        vote("?", region="f"),
        vote("conf", region="g"),
        minimum=1,
    )
    assert decision.state is VerdictState.AVAILABLE
    assert (decision.counted, decision.failing) == (1, 0)
    assert decision.left_out == {
        "b": "paused",
        "c": "silent",
        "d": "unchecked",
        "e": "stale",
        "f": "indeterminate",
        "g": "config_error",
    }


def test_one_voice_is_too_few_where_several_are_expected() -> None:
    silent = vote("up", region="b", presence=Presence.SILENT)
    assert decided(vote("down", region="a"), silent).state is VerdictState.UNKNOWN


def test_paused_regions_are_not_expected_to_vote() -> None:
    paused = vote("up", region="b", presence=Presence.PAUSED)
    assert decided(vote("down", region="a"), paused).state is VerdictState.UNAVAILABLE


def test_verdict_lapses_with_its_oldest_counted_vote() -> None:
    decision = decided(
        vote("up", region="a", age=timedelta(seconds=20)),
        vote("up", region="b"),
        vote("?", region="c", age=timedelta(seconds=50)),
    )
    assert decision.stale_at == NOON - timedelta(seconds=20) + FRESH


def test_vote_is_fresh_to_the_last_moment_and_stale_at_stale_at() -> None:
    last_moment = FRESH - timedelta(microseconds=1)
    assert decided(vote("up", age=last_moment)).state is VerdictState.AVAILABLE
    assert decided(vote("up", age=FRESH)).state is VerdictState.UNKNOWN


def test_vote_of_a_region_with_a_stride_is_fresh_for_as_many_of_its_longer_intervals() -> None:
    long_ago = timedelta(seconds=4 * 3 * INTERVAL)
    spared = replace(vote("up", region="a", age=long_ago), stride=4)
    decision = decided(spared, vote("down", region="b", age=long_ago))
    assert (decision.counted, decision.left_out) == (1, {"b": "stale"})
    assert decision.stale_at == NOON + timedelta(seconds=30)


def test_vote_stored_before_there_were_strides_has_none() -> None:
    document = Inputs(now=NOON, interval_seconds=60, votes=(vote("up"),)).to_json()
    del document["votes"][0]["stride"]
    assert Inputs.from_json(document).votes[0].stride == 1


def test_without_counted_votes_nothing_lapses() -> None:
    assert decided(*votes("? conf")).stale_at is None


def test_stored_inputs_are_the_inputs() -> None:
    inputs = Inputs(
        now=NOON,
        interval_seconds=INTERVAL,
        votes=(vote("ill", region="a", age=FRESH), Vote(region="b", stride=4), vote("up", presence=Presence.PAUSED)),
        minimum_votes=1,
        fresh_intervals=5,
    )
    assert Inputs.from_json(inputs.to_json()) == inputs


@pytest.mark.parametrize(
    ("condition", "presence"),
    [
        (RegionCondition.ACTIVE, Presence.PRESENT),
        (RegionCondition.LATE, Presence.PRESENT),
        (RegionCondition.EGRESS_DOWN, Presence.EGRESS_DOWN),
        (RegionCondition.SILENT, Presence.SILENT),
        (RegionCondition.DRAINING, Presence.DRAINING),
        (RegionCondition.PAUSED, Presence.PAUSED),
    ],
)
def test_region_is_present_as_its_condition_says(condition: RegionCondition, presence: Presence) -> None:
    assert Presence.of(condition, is_heard=True) is presence


@pytest.mark.parametrize(
    ("condition", "presence"),
    [
        (RegionCondition.ACTIVE, Presence.UNHEARD),
        (RegionCondition.SILENT, Presence.UNHEARD),  # so it is called a minute after it was enrolled
        (RegionCondition.DRAINING, Presence.DRAINING),
        (RegionCondition.PAUSED, Presence.PAUSED),
    ],
)
def test_region_that_was_never_heard_is_not_silent(condition: RegionCondition, presence: Presence) -> None:
    assert Presence.of(condition, is_heard=False) is presence


def test_region_whose_worker_has_not_come_yet_is_not_waited_for() -> None:
    """Enrolling a second region changes no verdict, also where it was here before and what it found then is old."""
    before = vote("down", region="c", presence=Presence.UNHEARD, age=FRESH)
    decision = decided(vote("up"), Vote(region="b", presence=Presence.UNHEARD), before)
    assert (decision.state, decision.left_out) == ("available", {"b": "unheard", "c": "unheard"})
    assert decided(Vote(region="b", presence=Presence.UNHEARD)).state == "unknown"


def test_result_that_overtakes_the_first_heartbeat_counts() -> None:
    decision = decided(vote("up"), vote("down", region="b", presence=Presence.UNHEARD))
    assert (decision.state, decision.counted, decision.failing) == ("degraded", 2, 1)
    decision = decided(vote("up"), vote("?", region="b", presence=Presence.UNHEARD))
    assert (decision.state, decision.left_out) == ("unknown", {"b": "indeterminate"})


def test_regions_that_were_heard_are_waited_for_beside_one_that_was_not() -> None:
    decision = decided(vote("up"), Vote(region="b"), Vote(region="c", presence=Presence.UNHEARD))
    assert (decision.state, decision.left_out) == ("unknown", {"b": "unchecked", "c": "unheard"})


@pytest.mark.parametrize("presence", [Presence.DRAINING, Presence.PAUSED])
def test_region_that_was_sent_away_is_not_waited_for(presence: Presence) -> None:
    assert decided(vote("up"), vote("up", region="b", presence=presence)).state == "available"


@pytest.mark.parametrize("presence", [Presence.EGRESS_DOWN, Presence.SILENT])
def test_region_that_went_missing_is_missed(presence: Presence) -> None:
    decision = decided(vote("up"), vote("down", region="b", presence=presence))
    assert (decision.state, decision.left_out) == ("unknown", {"b": presence})
