"""What is to be done with the incident of a resource."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.ballot import Stance
from probes.policy.incidents import (
    BackDate,
    Cause,
    Course,
    Flap,
    Level,
    Open,
    OpenIncident,
    RegionTurn,
    Resolve,
    Settle,
    Situation,
    Turn,
    region_turns,
    situation,
    step,
)
from probes.policy.verdict import Inputs, Presence, VerdictState, Vote, decide
from probes.protocol.taxonomy import Status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NOW = NOON + 10 * MINUTE
PATIENCE = 15 * MINUTE

GOOD = Situation(
    now=NOW, verdict=VerdictState.AVAILABLE, since=NOW, good_since=NOON + 8 * MINUTE, degraded_after=PATIENCE
)
DOWN = replace(GOOD, verdict=VerdictState.UNAVAILABLE, good_since=None, failing_since=NOON)
ILL = replace(DOWN, verdict=VerdictState.DEGRADED)
DARK = replace(GOOD, verdict=VerdictState.UNKNOWN, good_since=None)
LONG_ILL = replace(ILL, failing_since=NOW - PATIENCE)
UNTIL = NOW + 50 * MINUTE
IN_MAINTENANCE = replace(DOWN, maintenance_until=UNTIL)
FLAPPING = replace(DOWN, is_flapping=True)

OUTAGE = OpenIncident(level=Level.UNAVAILABLE, began_at=NOON)
WEAKNESS = OpenIncident(level=Level.DEGRADED, began_at=NOON)
NOISE = replace(OUTAGE, is_flapping=True)


@pytest.mark.parametrize(
    ("now", "course"),
    [
        (GOOD, Course()),
        (DARK, Course()),
        (DOWN, Course((Open(Level.UNAVAILABLE, NOON),))),
        (replace(DOWN, failing_since=None), Course((Open(Level.UNAVAILABLE, NOW),))),
        (ILL, Course(look_again_at=NOON + PATIENCE)),
        (LONG_ILL, Course((Open(Level.DEGRADED, NOW - PATIENCE),))),
        (IN_MAINTENANCE, Course(look_again_at=UNTIL)),
        (replace(LONG_ILL, maintenance_until=UNTIL), Course(look_again_at=UNTIL)),
        (replace(GOOD, maintenance_until=UNTIL), Course()),
        (replace(DOWN, clear_since=NOON + MINUTE), Course((Open(Level.UNAVAILABLE, NOON + MINUTE),))),
        (replace(DOWN, clear_since=NOON - MINUTE), Course((Open(Level.UNAVAILABLE, NOON),))),
        (FLAPPING, Course((Open(Level.UNAVAILABLE, NOON, is_flapping=True),))),
        (replace(GOOD, is_flapping=True), Course((Open(Level.DEGRADED, NOW, is_flapping=True),))),
        (replace(FLAPPING, maintenance_until=UNTIL), Course(look_again_at=UNTIL)),
        (replace(GOOD, is_flapping=True, maintenance_until=UNTIL), Course(look_again_at=UNTIL)),
        (replace(DOWN, is_paused=True), Course()),
    ],
    ids=[
        "good",
        "unknown",
        "an outage, from its first failure on",
        "an outage of unknown beginning",
        "a weakness waits",
        "a weakness that lasts",
        "in maintenance",
        "a weakness in maintenance",
        "good in maintenance",
        "since the maintenance",
        "long after the maintenance",
        "flapping",
        "flapping, and good for the moment",
        "flapping in maintenance",
        "flapping in maintenance, and good for the moment",
        "paused",
    ],
)
def test_incident_opens_for_what_somebody_must_know(now: Situation, course: Course) -> None:
    assert step(now, None) == course


@pytest.mark.parametrize(
    ("now", "incident", "deeds"),
    [
        (DOWN, OUTAGE, ()),
        (DARK, OUTAGE, ()),
        (ILL, OUTAGE, (Turn(Level.DEGRADED),)),
        (DOWN, WEAKNESS, (Turn(Level.UNAVAILABLE),)),
        (replace(DOWN, failing_since=NOON - MINUTE), WEAKNESS, (BackDate(NOON - MINUTE), Turn(Level.UNAVAILABLE))),
        (GOOD, OUTAGE, (Resolve(NOON + 8 * MINUTE),)),
        (replace(GOOD, good_since=None), OUTAGE, (Resolve(NOW),)),
        (replace(GOOD, good_since=NOON - MINUTE), OUTAGE, (Resolve(NOON),)),
        (FLAPPING, OUTAGE, (Flap(),)),
        (FLAPPING, NOISE, ()),
        (replace(GOOD, is_flapping=True), NOISE, ()),
        (DOWN, NOISE, (Settle(),)),
        (GOOD, NOISE, (Settle(), Resolve(NOON + 8 * MINUTE))),
        (IN_MAINTENANCE, WEAKNESS, (Turn(Level.UNAVAILABLE),)),
        (replace(GOOD, maintenance_until=UNTIL), OUTAGE, (Resolve(NOON + 8 * MINUTE),)),
        (replace(DOWN, is_paused=True), OUTAGE, (Resolve(NOW, Cause.PAUSED),)),
    ],
    ids=[
        "as it was",
        "nobody can tell",
        "partly back",
        "worse",
        "worse, and begun before",
        "recovered",
        "recovered at a time that nobody knows",
        "recovered no sooner than it began",
        "begins to flap",
        "flaps on",
        "flaps, and good for the moment",
        "settles down",
        "settles well",
        "worse in maintenance",
        "recovered in maintenance",
        "paused",
    ],
)
def test_open_incident_follows_the_verdict(now: Situation, incident: OpenIncident, deeds: tuple[object, ...]) -> None:
    assert step(now, incident) == Course(deeds)  # type: ignore[arg-type]  # whatever the table says


def _vote(region: str, stance: Stance, minute: int = 0, *, reason: str = "", said: str = "") -> Vote:
    status = Status.AVAILABLE if stance is Stance.GOOD else Status.UNAVAILABLE
    return Vote(
        region=region,
        presence=Presence(said or "present"),
        status=status,
        reason=reason or ("ok" if stance is Stance.GOOD else "tag_not_found"),
        slot=NOW,
        told_at=NOW,
        stance=stance,
        since=NOON + minute * MINUTE,
    )


def _inputs(*votes: Vote) -> Inputs:
    return Inputs(now=NOW, interval_seconds=300, votes=votes)


def test_incident_is_dated_back_to_the_first_failure_of_those_that_vote() -> None:
    inputs = _inputs(
        _vote("a", Stance.BAD, 4),
        _vote("b", Stance.BAD, 2),
        _vote("c", Stance.GOOD, 1),
        _vote("d", Stance.BAD, 0, said="silent"),
    )
    found = situation(inputs, decide(inputs), since=NOW, degraded_after=PATIENCE)
    assert found == replace(DOWN, failing_since=NOON + 2 * MINUTE, good_since=NOON + MINUTE)


def test_failure_in_the_maintenance_of_a_region_began_when_that_was_over() -> None:
    inputs = _inputs(_vote("a", Stance.BAD, 0), _vote("b", Stance.BAD, 5), _vote("c", Stance.GOOD))
    found = situation(
        inputs, decide(inputs), since=NOW, degraded_after=PATIENCE, back_since={"a": NOON + 4 * MINUTE, "b": NOON}
    )
    assert found.failing_since == NOON + 4 * MINUTE


def test_timeline_names_the_regions_that_changed() -> None:
    before = _inputs(_vote("a", Stance.GOOD), _vote("b", Stance.BAD), _vote("c", Stance.GOOD), _vote("e", Stance.BAD))
    after = _inputs(
        _vote("a", Stance.BAD, 5),
        _vote("b", Stance.BAD, reason="auth_denied"),
        _vote("c", Stance.GOOD, said="silent"),
        _vote("d", Stance.GOOD, 6),
    )
    assert region_turns((before, decide(before)), (after, decide(after))) == (
        RegionTurn(region="a", before="good", after="bad", reason="tag_not_found", since=NOON + 5 * MINUTE, slot=NOW),
        RegionTurn(region="b", before="bad", after="bad", reason="auth_denied", since=NOON, slot=NOW),
        RegionTurn(region="c", before="good", after="silent", reason=None, since=NOON, slot=None),
        RegionTurn(region="d", before=None, after="good", reason=None, since=NOON + 6 * MINUTE, slot=NOW),
        RegionTurn(region="e", before="bad", after=None, reason=None, since=None, slot=None),
    )


def test_check_that_could_not_tell_is_what_made_a_region_lose_its_vote() -> None:
    unclear = replace(_vote("a", Stance.GOOD), status=Status.INDETERMINATE, reason="rate_limited")
    before, after = _inputs(_vote("a", Stance.GOOD)), _inputs(unclear)
    (turn,) = region_turns((before, decide(before)), (after, decide(after)))
    assert (turn.after, turn.slot) == ("indeterminate", NOW)


def test_timeline_begins_with_every_region() -> None:
    first = _inputs(_vote("b", Stance.GOOD), _vote("a", Stance.GOOD))
    turned = region_turns(None, (first, decide(first)))
    assert [(item.region, item.before, item.after) for item in turned] == [("a", None, "good"), ("b", None, "good")]
    assert region_turns((first, decide(first)), (first, decide(first))) == ()
