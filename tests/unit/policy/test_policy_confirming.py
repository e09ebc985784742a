"""Who is asked at once, so that nobody waits for the next interval."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from probes.policy.ballot import Ballot, Poll, Run, Stance
from probes.policy.confirming import Ask, Heard, wanted, within
from probes.policy.verdict import Presence, Vote
from probes.protocol.taxonomy import Status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
INTERVAL = 300
SLOT = timedelta(seconds=INTERVAL)


def heard(
    *, bad: int, stance: Stance = Stance.GOOD, before: Stance = Stance.GOOD, reason: str = "layer_missing"
) -> Heard:
    run = Run(bad > 0, bad or 1, NOON)
    ballot = Ballot.BAD if bad else Ballot.GOOD
    poll = Poll(ballot=ballot, at=NOON, failing=run, bad=run, stance=stance, since=NOON)
    return Heard(region="a", reason=reason, poll=poll, before=before)


def vote(region: str, status: Status, stance: Stance, slot: datetime = NOON, **other: object) -> Vote:
    known = {"region": region, "status": status, "reason": "why", "slot": slot, "stance": stance, "told_at": slot}
    return Vote(**known | other)  # type: ignore[arg-type]  # whatever the test says


UP, DOWN = Status.AVAILABLE, Status.UNAVAILABLE
SELF = vote("a", DOWN, Stance.GOOD)
TURNED = replace(SELF, stance=Stance.BAD)
HAS_TURNED = heard(bad=3, stance=Stance.BAD)


def asked(found: Heard, *others: Vote) -> tuple[str, ...]:
    own = replace(SELF, stance=found.poll.stance)
    return wanted(found, (own, *others), interval_seconds=INTERVAL, now=NOON + timedelta(seconds=2))


def test_first_failure_of_transport_is_asked_again_by_the_same_region() -> None:
    assert asked(heard(bad=1, reason="connect_timeout")) == ("a",)
    assert asked(heard(bad=2, reason="connect_timeout")) == ()


def test_first_failure_of_another_kind_is_no_blip() -> None:
    assert asked(heard(bad=1, reason="tag_not_found")) == ()


def test_good_ballot_asks_nobody() -> None:
    assert asked(heard(bad=0), vote("b", DOWN, Stance.BAD)) == ()


def test_region_that_turns_bad_has_the_others_asked_that_would_not_check_soon() -> None:
    spared = vote("b", UP, Stance.GOOD, NOON - SLOT, stride=4)
    earlier = vote("c", UP, Stance.GOOD, NOON - SLOT / 2)
    assert asked(HAS_TURNED, earlier, spared) == ("b", "c")


def test_region_whose_answer_is_due_is_waited_for() -> None:
    assert asked(HAS_TURNED, vote("b", UP, Stance.GOOD, NOON - SLOT)) == ()


def test_region_that_just_found_it_good_is_believed() -> None:
    assert asked(HAS_TURNED, vote("b", UP, Stance.GOOD)) == ()


def test_region_that_sees_it_too_is_asked_until_it_is_sure() -> None:
    assert asked(HAS_TURNED, vote("b", DOWN, Stance.GOOD)) == ("b",)
    assert asked(heard(bad=2), vote("b", DOWN, Stance.BAD)) == ("a",)


def test_region_that_is_asked_already_is_not_asked_twice() -> None:
    """Since another had turned before, or since it has proved nothing yet."""
    in_doubt, before = vote("b", DOWN, Stance.GOOD), vote("c", DOWN, Stance.BAD)
    assert asked(HAS_TURNED, in_doubt, before) == ()
    assert asked(HAS_TURNED, vote("b", DOWN, Stance.UNPROVED)) == ()


def test_region_that_is_sure_or_never_checked_is_not_asked() -> None:
    assert asked(HAS_TURNED, vote("b", DOWN, Stance.BAD), Vote(region="c")) == ()


def test_absent_regions_are_not_asked() -> None:
    silent = vote("b", UP, Stance.GOOD, NOON - SLOT / 2, presence=Presence.SILENT)
    assert asked(HAS_TURNED, silent) == ()
    assert wanted(HAS_TURNED, (replace(TURNED, presence=Presence.PAUSED),), interval_seconds=INTERVAL, now=NOON) == ()


def test_region_whose_result_overtook_its_first_heartbeat_is_asked_again() -> None:
    own = replace(SELF, presence=Presence.UNHEARD)
    first = heard(bad=1, reason="connect_timeout")
    others = (Vote(region="b", presence=Presence.UNHEARD),)
    assert wanted(first, (own, *others), interval_seconds=INTERVAL, now=NOON) == ("a",)
    assert wanted(HAS_TURNED, (TURNED, *others), interval_seconds=INTERVAL, now=NOON) == ()


def test_region_that_was_bad_already_has_nobody_asked_again() -> None:
    again = heard(bad=4, stance=Stance.BAD, before=Stance.BAD)
    assert asked(again, vote("b", UP, Stance.GOOD, NOON - SLOT / 2)) == ()


def test_image_of_which_nothing_is_known_is_settled_at_once() -> None:
    unproved = heard(bad=2, stance=Stance.UNPROVED, before=Stance.UNPROVED)
    assert asked(unproved) == ("a",)


def test_each_registry_is_asked_for_so_much_and_no_more() -> None:
    asks = [Ask(1, 7, ("a", "b")), Ask(2, 7, ("a", "b")), Ask(3, 7, ("a",)), Ask(4, 8, ("a",)), Ask(5, 8, ())]
    assert [ask.resource for ask in within(asks, each_registry=3)] == [1, 3, 4]
    assert [ask.resource for ask in within(asks)] == [1, 2, 3, 4]
