"""One event for each move of a tag, however many regions see it; and tags on which they do not agree."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.platforms import Listed
from probes.policy.standing import Seen, Standing, advance
from probes.policy.tags import (
    GONE,
    MOST_MOVES,
    SPLIT_AFTER,
    THERE,
    Joined,
    Look,
    Move,
    Sighting,
    Split,
    Turn,
    follow,
    look,
    turns,
)
from probes.protocol.outcome import PlatformResult
from probes.protocol.taxonomy import Reason, Status, Warn

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minute: float) -> datetime:
    return NOON + minute * MINUTE


def turn(region: str, change: str, minute: float, since: float | None = 0) -> Turn:
    """Return a turn such as `A>B`."""
    before, after = change.split(">")
    return Turn(region=region, before=before, since=None if since is None else at(since), after=after, at=at(minute))


def told(given: Sequence[Turn], moves: Sequence[Move] = ()) -> list[str]:
    return [f"{move.before}>{move.after} {move.region}" for move in follow(moves, given).made]


AB = Move(before="A", after="B", region="eu", at=at(5))


def test_first_region_that_sees_the_new_digest_makes_the_move() -> None:
    assert follow([], [turn("eu", "A>B", 5)]).made == [AB]


def test_regions_that_come_after_it_make_none() -> None:
    assert told([turn("eu", "A>B", 5), turn("us", "A>B", 6), turn("ap", "A>B", 90)]) == ["A>B eu"]


def test_going_back_is_a_move_as_well() -> None:
    assert told([turn("eu", "A>B", 5), turn("eu", "B>A", 9, 5)]) == ["A>B eu", "B>A eu"]
    assert told([turn("eu", "B>A", 9, 5)], [AB]) == ["B>A eu"]


def test_mirror_that_lags_makes_no_move() -> None:
    """It sees what the others have seen long ago, step by step, and there and back."""
    quick = [turn("eu", "A>B", 1), turn("eu", "B>C", 2, 1), turn("eu", "C>A", 3, 2), turn("eu", "A>D", 4, 3)]
    slow = [turn("us", "A>B", 31), turn("us", "B>C", 32, 31), turn("us", "C>A", 33, 32), turn("us", "A>D", 34, 33)]
    assert told([*quick, *slow]) == ["A>B eu", "B>C eu", "C>A eu", "A>D eu"]
    leaves_out = [turn("us", "A>C", 32), turn("us", "C>D", 34, 32)]
    assert told([*quick, *leaves_out]) == ["A>B eu", "B>C eu", "C>A eu", "A>D eu"]


def test_move_that_is_reported_late_takes_its_place() -> None:
    trace = follow([replace(AB, after="C")], [turn("us", "A>B", 2)])
    assert [(move.after, move.region) for move in trace.moves] == [("B", "us"), ("C", "eu")]
    assert [move.after for move in trace.made] == ["B"]
    assert told([turn("us", "B>C", 7, 2)], trace.moves) == []


def test_move_that_another_region_saw_before_is_dated_back() -> None:
    earlier = Move(before="A", after="B", region="us", at=at(3))
    assert follow([AB], [turn("us", "A>B", 3)]).dated_back == [(AB, earlier)]
    assert follow([AB], [turn("us", "A>B", 3), turn("ap", "A>B", 2)]).dated_back == [
        (AB, Move(before="A", after="B", region="ap", at=at(2)))
    ]
    assert follow([], [turn("eu", "A>B", 5), turn("us", "A>B", 3)]).made == [earlier]


def test_region_of_which_nobody_knows_since_when_follows_from_the_beginning() -> None:
    assert told([turn("us", "A>B", 9, None)], [AB]) == []


def test_region_that_held_the_digest_before_it_came_back_follows_to_what_is_new() -> None:
    trail = follow([], [turn("eu", "A>B", 1), turn("eu", "B>A", 2, 1)]).moves
    assert told([turn("eu", "A>B", 3, 2)], trail) == ["A>B eu"]


def test_restless_tag_is_told_of_no_more_within_the_hour() -> None:
    flips = [turn("eu", "A>B" if n % 2 else "B>A", n, n - 1) for n in range(1, 30)]
    trace = follow([], flips)
    assert len(trace.made) == MOST_MOVES
    assert told([turn("eu", "A>B", 90, 29)], trace.moves) == ["A>B eu"]


def test_without_turns_nothing_happens() -> None:
    trace = follow([AB], [])
    assert (trace.moves, trace.made, trace.dated_back) == ([AB], [], [])


def seen(minute: int, digest: str | None = "A", **platforms: Reason) -> Seen:
    status = Status.AVAILABLE if digest else Status.UNAVAILABLE
    results = [
        PlatformResult(platform=f"linux/{name}", digest=None, status=reason.status, reason=reason)
        for name, reason in platforms.items()
    ]
    return Seen(
        slot=at(minute), checked_at=at(minute), status=status, reason="ok", digest=digest, platforms=tuple(results)
    )


def standing(*outcomes: Seen) -> tuple[Standing | None, Standing]:
    """Return how things stood before the last outcome, and after."""
    before, after = None, advance(None, outcomes[0])
    for outcome in outcomes[1:]:
        before, after = after, advance(after, outcome)
    return before, after


def test_another_digest_is_a_turn_since_the_first_was_seen() -> None:
    assert turns("eu", *standing(seen(0), seen(1), seen(2, "B"))) == [turn("eu", "A>B", 2)]


@pytest.mark.parametrize(
    "outcomes",
    [
        [seen(0)],
        [seen(0), seen(1)],
        [seen(0), seen(1, None)],
        [seen(0), seen(1, None), seen(2)],
        [seen(0, None), seen(1)],
        [seen(0), seen(1, amd64=Reason.PLATFORM_MISSING)],
        [seen(0, amd64=Reason.OK), seen(1)],
    ],
)
def test_what_is_as_it_was_and_what_is_seen_first_is_no_turn(outcomes: list[Seen]) -> None:
    assert turns("eu", *standing(*outcomes)) == []


def test_digest_that_changed_while_checks_failed_is_a_turn() -> None:
    assert turns("eu", *standing(seen(0), seen(1, None), seen(2, "B"))) == [turn("eu", "A>B", 2)]


def test_platform_that_goes_or_comes_is_a_turn_of_its_own() -> None:
    first, gone = seen(0, amd64=Reason.OK, arm64=Reason.OK), seen(1, arm64=Reason.PLATFORM_MISSING, amd64=Reason.OK)
    arm64 = replace(turn("eu", f"{THERE}>{GONE}", 1), platform="linux/arm64")
    assert turns("eu", *standing(first, gone)) == [arm64]
    back = replace(turn("eu", f"{GONE}>{THERE}", 2, 1), platform="linux/arm64")
    assert turns("eu", *standing(first, gone, seen(2, amd64=Reason.OK, arm64=Reason.OK))) == [back]


def test_check_that_was_cut_short_says_nothing_of_what_it_left_out() -> None:
    capped = replace(seen(1, amd64=Reason.OK), warnings=(Warn.PROBE_CAPPED,))
    _, after = standing(seen(0, amd64=Reason.OK, arm64=Reason.OK), capped)
    assert after.platforms == {"linux/amd64": Listed(True, at(0)), "linux/arm64": Listed(True, at(0))}


def sighting(region: str, digest: str, minute: float, *, counts: bool = True) -> Sighting:
    return Sighting(region=region, digest=digest, since=at(minute), counts=counts)


SPREAD = [sighting("ap", "A", -900), sighting("eu", "B", 0), sighting("us", "B", 10)]
SPLIT = Split(at(0), {"A": ["ap"], "B": ["eu", "us"]})


def test_regions_that_disagree_for_long_are_a_split_since_the_newest_was_first_seen() -> None:
    assert look(SPREAD, None, now=at(29)) == Look(look_again_at=at(30))
    assert look(SPREAD, None, now=at(30)) == Look(SPLIT, look_again_at=at(60))
    assert look(SPREAD, None, now=at(5), bound=5 * MINUTE).found == SPLIT
    assert (SPLIT.newest, SPLIT.behind) == ("B", ["ap"])
    assert SPLIT_AFTER == 30 * MINUTE


def test_three_digests_are_a_split_since_there_were_two() -> None:
    three = [sighting("ap", "A", -900), sighting("eu", "B", 0), sighting("us", "C", 25)]
    assert look(three, None, now=at(30)).found == Split(at(0), {"A": ["ap"], "B": ["eu"], "C": ["us"]})


def test_split_is_told_once_and_is_over_when_the_last_region_sees_what_the_others_see() -> None:
    assert look(SPREAD, at(0), now=at(45)) == Look(look_again_at=at(75))
    joined = [sighting("ap", "B", 50), *SPREAD[1:]]
    assert look(joined, at(0), now=at(51)) == Look(Joined(at(0), at(50), "B"))


def test_split_that_ends_because_a_region_was_sent_away_is_over_no_earlier_than_it_began() -> None:
    assert look(SPREAD[:1], at(0), now=at(45)) == Look(Joined(at(0), at(0), "A"))
    assert look([], at(0), now=at(45)) == Look()


def test_regions_that_agree_need_no_further_look() -> None:
    assert look(SPREAD[1:], None, now=at(45)) == Look()
    assert look([], None, now=at(45)) == Look()


def test_silent_region_begins_no_split_and_ends_none() -> None:
    silent = [replace(SPREAD[0], counts=False), *SPREAD[1:]]
    assert look(silent, None, now=at(90)) == Look(look_again_at=at(120))
    assert look(silent, at(0), now=at(90)) == Look(look_again_at=at(120))
