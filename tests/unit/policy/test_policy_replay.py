"""What other terms would have made of the past: as what reports would have."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.incidents import Cause, Level
from probes.policy.intervals import Interval
from probes.policy.replay import Balance, Outage, Past, Work, balance, replay, warm_up
from probes.policy.standing import Seen
from probes.policy.terms import Quorum, Terms
from probes.protocol.taxonomy import Stage, Status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SLOT = 5 * MINUTE
REGIONS = ("a", "b", "c")
OVER = Interval(NOON, NOON + 24 * timedelta(hours=1))
AT_ONCE = Terms(failures=1, recoveries=1, degraded_after=timedelta(0))

GOOD = {"status": Status.AVAILABLE, "reason": "ok"}
BAD = {"status": Status.UNAVAILABLE, "reason": "tag_not_found", "stage": Stage.MANIFEST, "host": "ghcr.io"}


def at(slot: float) -> datetime:
    """Return the time of a slot, of which there is one each five minutes from noon on."""
    return NOON + slot * SLOT


def told(*courses: str) -> Sequence[tuple[str, Seen]]:
    """Return what each region found: in each slot `.` that it can be had, `x` that it cannot, or nothing."""
    return [
        (region, Seen(slot=at(slot), checked_at=at(slot), **(GOOD if mark == "." else BAD)))  # type: ignore[arg-type]
        for slot in range(max(map(len, courses)))
        for region, course in zip(REGIONS, courses, strict=False)
        if (mark := course[slot : slot + 1].strip())
    ]


def past(*courses: str, works: Sequence[Work] = (), pauses: Sequence[Interval] = ()) -> Past:
    regions = REGIONS[: len(courses)]
    return Past(
        interval_seconds=300,
        strides=dict.fromkeys(regions, 1),
        outcomes=told(*courses),
        works=works,
        pauses=pauses,
    )


def outage(
    began: float,
    opened: float,
    resolved: float | None = None,
    *,
    cause: Cause | None = None,
    worst: str = "unavailable",
) -> Outage:
    return Outage(
        worst=Level(worst),
        began_at=at(began),
        opened_at=at(opened),
        resolved_at=None if resolved is None else at(resolved),
        cause=cause or (Cause.RECOVERED if resolved is not None else None),
    )


DOWN = past("..xxxx...", "..xxxx...", ".........")


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (AT_ONCE, [outage(2, 2, 6)]),
        (replace(AT_ONCE, failures=3), [outage(2, 4, 6)]),
        (replace(AT_ONCE, failures=3, recoveries=2), [outage(2, 4, 6)]),
        (replace(AT_ONCE, failures=5), []),
        (replace(AT_ONCE, quorum=Quorum(votes=3)), [outage(2, 2, 6, worst="degraded")]),
        (replace(AT_ONCE, quorum=Quorum(votes=3), degraded_after=12 * MINUTE), [outage(2, 4.4, 6, worst="degraded")]),
        (replace(AT_ONCE, quorum=Quorum(votes=3), degraded_after=30 * MINUTE), []),
        (replace(AT_ONCE, minimum_votes=4), [outage(2, 2, 6)]),
    ],
)
def test_terms_decide_what_is_an_incident(terms: Terms, expected: list[Outage]) -> None:
    assert replay(DOWN, terms, over=OVER) == expected


def test_what_stays_is_open_and_what_gets_worse_is_told_once() -> None:
    course = past("..xxxxxxxx", "...xxxxxxx", "..........")
    assert replay(course, AT_ONCE, over=Interval(at(0), at(9))) == [outage(2, 2)]


def test_incident_that_was_open_when_the_range_begins_is_in_it_and_one_that_was_over_is_not() -> None:
    course = past(".x.xxx...", ".x.xxx...")
    assert replay(course, AT_ONCE, over=Interval(at(4), at(9))) == [outage(3, 3, 6)]


def test_silence_is_no_incident_and_ends_none() -> None:
    course = past("..xx", "..xx", "....")
    assert replay(course, AT_ONCE, over=OVER) == [outage(2, 2)]


def test_region_that_found_nothing_has_no_vote() -> None:
    assert replay(past("..xx", "..xx", ""), AT_ONCE, over=OVER) == [outage(2, 2)]


def test_what_joins_and_began_earlier_dates_it_back() -> None:
    course = past(".....xxxx", "x      xx")  # b was silent after its first failure
    terms = replace(AT_ONCE, minimum_votes=1, degraded_after=timedelta(hours=9))
    assert replay(course, terms, over=Interval(at(0), at(7))) == [outage(5, 5)]
    assert replay(course, terms, over=Interval(at(0), at(9))) == [outage(0, 5)]


def test_flapping_is_one_incident() -> None:
    course = past(".x" * 8 + "." * 20, ".x" * 8 + "." * 20)
    terms = replace(AT_ONCE, minimum_votes=1)
    found = replay(course, terms, over=OVER)
    assert len(found) < 8
    assert found[-1].cause is Cause.RECOVERED
    assert found[-1].resolved_at == at(16)


@pytest.mark.parametrize("regions", [frozenset(), frozenset({"a", "b"})])
def test_what_fails_in_maintenance_is_an_incident_from_its_end_on(regions: frozenset[str]) -> None:
    work = Work(Interval(at(1.5), at(4)), regions)
    assert replay(replace(DOWN, works=[work]), AT_ONCE, over=OVER) == [outage(4, 4, 6)]
    assert replay(replace(DOWN, works=[Work(Interval(at(1.5), at(7)), regions)]), AT_ONCE, over=OVER) == []


def test_pause_ends_an_incident_and_none_begins_before_it_is_over() -> None:
    course = past("..xx  xx.", "..xx  xx.", pauses=[Interval(at(3.5), at(5.5))])
    expected = [outage(2, 2, 3.5, cause=Cause.PAUSED), outage(5.5, 6, 8)]
    assert replay(course, AT_ONCE, over=OVER) == expected


def test_nothing_known_comes_to_nothing() -> None:
    assert replay(past("", "", ""), AT_ONCE, over=OVER) == []
    assert balance([], over=OVER) == Balance()


def test_balance_counts_seconds_within_the_range() -> None:
    over = Interval(at(3), at(10))
    first, last = balance([outage(2, 2, 5)], over=over), balance([outage(8, 8)], over=over)
    assert (first, last) == (Balance(count=1, seconds=600), Balance(count=1, seconds=600))
    assert first + last == Balance(count=2, seconds=1200)
    assert balance([outage(4, 4, 4)], over=over) == Balance(count=1)


def test_stances_are_known_when_the_range_begins() -> None:
    assert warm_up(Terms(failures=3), interval_seconds=60, strides=[1, 2]) == timedelta(seconds=480)
    assert warm_up(Terms(failures=1, recoveries=1, fresh_intervals=9), interval_seconds=60, strides=[]) == timedelta(
        seconds=570
    )
