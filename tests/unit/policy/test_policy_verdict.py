"""Verdicts over regions: whose votes count, and what they come to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.ballot import Ballot, Stance
from probes.policy.liveness import RegionCondition
from probes.policy.terms import Quorum
from probes.policy.verdict import Decision, Inputs, Presence, VerdictState, Vote, decide
from probes.protocol.taxonomy import Stage, Status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
INTERVAL = 60
FRESH = timedelta(seconds=3 * INTERVAL + 30)
SINCE = NOON - timedelta(hours=1)
WORDS = {
    "up": (Status.AVAILABLE, Stance.GOOD),
    "ill": (Status.DEGRADED, Stance.IMPAIRED),
    "down": (Status.UNAVAILABLE, Stance.BAD),
    "new": (Status.UNAVAILABLE, Stance.UNPROVED),
    "slow": (Status.AVAILABLE, Stance.IMPAIRED),
    "blip": (Status.UNAVAILABLE, Stance.GOOD),
    "?": (Status.INDETERMINATE, Stance.BAD),
    "conf": (Status.CONFIG_ERROR, Stance.BAD),
}


def vote(
    word: str,
    *,
    region: str = "r",
    age: timedelta = timedelta(0),
    presence: Presence = Presence.PRESENT,
    since: datetime = SINCE,
) -> Vote:
    status, stance = WORDS[word]
    return Vote(
        region=region,
        presence=presence,
        status=status,
        reason=word,
        slot=NOON - age,
        stance=stance,
        since=since,
        told_at=NOON - age,
    )


def votes(text: str) -> tuple[Vote, ...]:
    return tuple(vote(word, region=f"r{n}") for n, word in enumerate(text.split()))


def decided(*cast: Vote, minimum: int = 2, quorum: Quorum | None = None) -> Decision:
    quorum = quorum or Quorum(percent=51)
    return decide(Inputs(now=NOON, interval_seconds=INTERVAL, votes=cast, minimum_votes=minimum, quorum=quorum))


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
        ("up up blip", VerdictState.AVAILABLE),
        ("up up new", VerdictState.AVAILABLE),
        ("down down new", VerdictState.UNAVAILABLE),
        ("new new new", VerdictState.UNKNOWN),
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


@pytest.mark.parametrize(
    ("cast", "quorum", "state"),
    [
        ("up up down", Quorum(votes=1), VerdictState.UNAVAILABLE),
        ("up down down", Quorum(votes=3), VerdictState.DEGRADED),
        ("down down down", Quorum(votes=3), VerdictState.UNAVAILABLE),
        ("down down", Quorum(votes=3), VerdictState.UNAVAILABLE),
        ("up down", Quorum(percent=50), VerdictState.UNAVAILABLE),
        ("up down down", Quorum(percent=67), VerdictState.DEGRADED),
        ("ill ill", Quorum(votes=1), VerdictState.DEGRADED),
    ],
)
def test_quorum_is_of_bad_votes(cast: str, quorum: Quorum, state: VerdictState) -> None:
    assert decided(*votes(cast), quorum=quorum).state is state


def test_every_vote_that_does_not_count_says_why() -> None:
    decision = decided(
        vote("up", region="a"),
        vote("down", region="b", presence=Presence.PAUSED),
        vote("down", region="c", presence=Presence.SILENT),
        Vote(region="d"),
        vote("down", region="e", age=FRESH),
        vote("?", region="f"),
        vote("conf", region="g"),
        vote("new", region="h"),
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
        "h": "unproved",
    }


def test_decision_says_how_many_failed_and_how_many_it_takes() -> None:
    decision = decided(*votes("up ill down down"))
    assert (decision.counted, decision.failing, decision.bad, decision.needed) == (4, 3, 2, 3)


BEGAN = NOON - timedelta(minutes=30)
BAD = (vote("down", region="d", since=BEGAN - timedelta(minutes=5)), vote("down", region="e", since=BEGAN))


def three(word: str, told: timedelta, presence: Presence = Presence.SILENT) -> list[Vote]:
    return [vote(word, region=region, age=told, presence=presence) for region in "abc"]


def test_silent_regions_leave_the_denominator() -> None:
    """They fell silent before it failed: they know nothing of it."""
    decision = decided(*three("up", timedelta(minutes=31)), *BAD)
    assert (decision.state, decision.needed, decision.witnesses) == ("unavailable", 2, ())


@pytest.mark.parametrize("presence", [Presence.SILENT, Presence.EGRESS_DOWN, Presence.PRESENT])
@pytest.mark.parametrize("word", ["up", "slow"])
def test_silence_of_those_who_saw_it_well_is_no_outage(word: str, presence: Presence) -> None:
    """They could read it after the others could not, and that they are gone is no reason to wake somebody."""
    decision = decided(*three(word, timedelta(minutes=30), presence), *BAD)
    assert (decision.state, decision.counted, decision.needed) == ("degraded", 2, 3)
    assert decision.witnesses == ("a", "b", "c")


def test_word_of_before_the_failure_counts_while_it_is_fresh() -> None:
    failing = [replace(item, since=NOON - timedelta(minutes=1)) for item in BAD]
    decision = decided(*three("up", timedelta(minutes=2)), *failing)
    assert (decision.state, len(decision.witnesses)) == ("degraded", 3)
    assert decision.stale_at == NOON - timedelta(minutes=2) + FRESH
    assert decided(*three("up", FRESH), *failing).state == "unavailable"


def test_throttled_region_leaves_the_denominator_and_may_be_a_witness() -> None:
    throttled = [
        replace(item, status=Status.INDETERMINATE, slot=NOON)
        for item in three("up", timedelta(minutes=30), Presence.PRESENT)
    ]
    assert decided(*throttled, *BAD).state == "degraded"
    assert decided(*(replace(item, told_at=None) for item in throttled), *BAD).state == "unavailable"


@pytest.mark.parametrize("word", ["down", "blip", "new"])
def test_whoever_saw_it_fail_last_is_no_witness(word: str) -> None:
    assert decided(*three(word, timedelta(minutes=30)), *BAD).witnesses == ()


def test_whoever_was_sent_away_is_no_witness() -> None:
    assert decided(*three("up", timedelta(0), Presence.DRAINING), *BAD).state == "unavailable"


def test_newest_outcome_is_a_ballot_if_it_could_tell() -> None:
    assert [item.ballot for item in votes("up blip ?")] == [Ballot.GOOD, Ballot.BAD, None]
    assert Vote(region="a").ballot is None


def test_unknown_is_no_harm() -> None:
    assert sorted(VerdictState, key=lambda state: state.harm)[-2:] == ["degraded", "unavailable"]
    assert VerdictState.UNKNOWN.harm == VerdictState.AVAILABLE.harm


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


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        ("available available unavailable", "degraded"),
        ("available unavailable unavailable", "unavailable"),
        ("degraded degraded degraded", "degraded"),
        ("indeterminate available available", "available"),
        ("indeterminate indeterminate available", "unknown"),
    ],
)
def test_verdict_stored_before_there_were_stances_is_what_it_was(statuses: str, state: str) -> None:
    """Then a vote was the newest outcome, an outage more than half, and `degraded` was none."""
    stored = {"presence": "present", "reason": "why", "slot": NOON.isoformat()}
    document = {
        "now": NOON.isoformat(),
        "interval_seconds": INTERVAL,
        "minimum_votes": 2,
        "fresh_intervals": 3,
        "votes": [{**stored, "region": f"r{n}", "status": status} for n, status in enumerate(statuses.split())],
    }
    inputs = Inputs.from_json(document)
    assert decide(inputs).state == state
    assert {item.stride for item in inputs.votes} == {1}


def test_region_that_was_unchecked_in_a_stored_verdict_is_unproved() -> None:
    assert Vote.from_json(
        {"region": "a", "presence": "present", "status": None, "reason": None, "slot": None}
    ) == Vote(region="a")


def test_without_counted_votes_nothing_lapses() -> None:
    assert decided(*votes("? conf")).stale_at is None


def test_stored_inputs_are_the_inputs() -> None:
    inputs = Inputs(
        now=NOON,
        interval_seconds=INTERVAL,
        votes=(
            replace(vote("ill", region="a", age=FRESH), stage=Stage.LAYER, host="cdn.example", detail="HTTP 403"),
            Vote(region="b", stride=4),
            vote("up", presence=Presence.PAUSED),
        ),
        quorum=Quorum(votes=2),
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


@pytest.mark.parametrize("presence", [Presence.DRAINING, Presence.PAUSED, Presence.MAINTENANCE])
def test_region_that_was_sent_away_is_not_waited_for(presence: Presence) -> None:
    assert decided(vote("up"), vote("up", region="b", presence=presence)).state == "available"


@pytest.mark.parametrize("presence", [Presence.EGRESS_DOWN, Presence.SILENT])
def test_region_that_went_missing_is_missed(presence: Presence) -> None:
    decision = decided(vote("up"), vote("down", region="b", presence=presence))
    assert (decision.state, decision.left_out) == ("unknown", {"b": presence})
