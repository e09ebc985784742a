"""Uptime: what counts, what is left out, and what a target leaves to be spent."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from probes.policy.intervals import Cover, Interval
from probes.policy.uptime import WINDOWS, Figure, Said, Shown, Stretch, Tally, budget, shown, tally, timeline
from probes.protocol.taxonomy import Status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minute: float) -> datetime:
    return NOON + minute * MINUTE


def between(start: float, end: float) -> Interval:
    return Interval(at(start), at(end))


HOUR = between(0, 60)
UP_FROM_START = Said(at(-100), Shown.AVAILABLE)


def test_seconds_belong_to_what_was_said_last() -> None:
    said = [
        UP_FROM_START,
        Said(at(10), Shown.DEGRADED),
        Said(at(15), Shown.UNAVAILABLE),
        Said(at(40), Shown.AVAILABLE),
    ]
    seconds = tally(timeline(reversed(said), over=HOUR))
    assert seconds == Tally(available=30 * 60, degraded=5 * 60, unavailable=25 * 60)
    assert (seconds.up, seconds.counted, seconds.left_out) == (2100, 3600, 0)
    assert seconds.availability == 35 / 60


def test_time_before_anything_was_said_is_unknown() -> None:
    seconds = tally(timeline([Said(at(45), Shown.UNAVAILABLE)], over=HOUR))
    assert seconds == Tally(unknown=45 * 60, unavailable=15 * 60)
    assert seconds.availability == 0


def test_nothing_known_is_no_availability() -> None:
    assert tally(timeline([], over=HOUR)) == Tally(unknown=3600)
    assert Tally(unknown=3600).availability is None


def test_silence_is_neither_health_nor_outage() -> None:
    lapsing = Said(at(5), Shown.UNAVAILABLE, lapses_at=at(20))
    assert tally(timeline([UP_FROM_START, lapsing], over=HOUR)) == Tally(available=300, unavailable=900, unknown=2400)
    renewed = [UP_FROM_START, lapsing, Said(at(20), Shown.UNAVAILABLE)]
    assert tally(timeline(renewed, over=HOUR)) == Tally(available=300, unavailable=3300)


def test_pause_hides_maintenance_and_both_hide_what_was_said() -> None:
    stretches = timeline(
        [UP_FROM_START, Said(at(35), Shown.UNAVAILABLE)],
        over=HOUR,
        maintenance=[between(30, 50), between(-10, 5), between(45, 55), between(61, 70)],
        paused=[between(40, 45)],
    )
    assert [(stretch.state, stretch.interval) for stretch in stretches] == [
        (Shown.MAINTENANCE, between(0, 5)),
        (Shown.AVAILABLE, between(5, 30)),
        (Shown.MAINTENANCE, between(30, 40)),
        (Shown.PAUSED, between(40, 45)),
        (Shown.MAINTENANCE, between(45, 55)),
        (Shown.UNAVAILABLE, between(55, 60)),
    ]
    assert tally(stretches) == Tally(available=1500, maintenance=1500, paused=300, unavailable=300)
    assert tally(stretches).availability == 1500 / 1800


def test_what_is_said_again_is_one_stretch() -> None:
    said = [UP_FROM_START, Said(at(10), Shown.AVAILABLE), Said(at(20), Shown.AVAILABLE)]
    assert timeline(said, over=HOUR) == [Stretch(HOUR, Shown.AVAILABLE)]


def test_of_two_sayings_at_once_the_last_counts() -> None:
    said = [Said(at(0), Shown.UNAVAILABLE), Said(at(0), Shown.AVAILABLE)]
    assert tally(timeline(said, over=HOUR)) == Tally(available=3600)


def test_second_in_which_something_changes_counts_for_what_it_became() -> None:
    change = NOON + timedelta(seconds=10, milliseconds=600)
    said = [UP_FROM_START, Said(change, Shown.UNAVAILABLE)]
    whole = tally(timeline(said, over=HOUR))
    assert whole == Tally(available=10, unavailable=3590)
    cut = NOON + timedelta(seconds=10, milliseconds=900)
    parts = [tally(timeline(said, over=part)) for part in (Interval(NOON, cut), Interval(cut, HOUR.end))]
    assert parts[0] + parts[1] == whole


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (Status.AVAILABLE, Shown.AVAILABLE),
        (Status.UNAVAILABLE, Shown.UNAVAILABLE),
        (Status.DEGRADED, Shown.UNAVAILABLE),
        (Status.INDETERMINATE, Shown.UNKNOWN),
        (Status.CONFIG_ERROR, Shown.UNKNOWN),
    ],
)
def test_outcome_of_one_region_is_up_down_or_neither(status: Status, state: Shown) -> None:
    assert shown(status) is state


def test_outcome_that_only_impairs_is_up_and_told_apart() -> None:
    assert shown(Status.DEGRADED, "endpoint_slow") is Shown.DEGRADED


def test_windows_are_time_that_passes() -> None:
    assert {name: span / timedelta(hours=24) for name, span in WINDOWS.items()} == {
        "24h": 1,
        "7d": 7,
        "30d": 30,
        "90d": 90,
    }


@pytest.mark.parametrize(
    ("seconds", "target", "allowed", "left", "burn_rate"),
    [
        (Tally(available=30 * 86_400), "99.9", 2592, 2592, 0),
        (Tally(available=30 * 86_400 - 648, unavailable=648), "99.9", 2592, 1944, 0.25),
        (Tally(available=99_000, unavailable=1_000), "99.5", 500, -500, 2),
        (Tally(available=9_000, unavailable=1_000, unknown=500, maintenance=9_000, paused=7), "90", 1000, 0, 1),
        (Tally(available=500, degraded=500), "99", 10, 10, 0),
        (Tally(unknown=3_600), "99.9", 0, 0, None),
    ],
)
def test_budget_is_what_the_target_leaves_of_what_counts(
    seconds: Tally, target: str, allowed: float, left: float, burn_rate: float | None
) -> None:
    found = budget(seconds, target_percent=Decimal(target))
    assert (found.allowed_seconds, found.left_seconds, found.burn_rate) == (allowed, left, burn_rate)
    assert found.spent_seconds == seconds.unavailable


def test_figure_has_a_budget_where_there_is_a_target() -> None:
    seconds = Tally(available=900, unavailable=100)
    assert Figure(seconds=seconds).budget is None
    assert Figure(seconds=seconds, target_percent=Decimal(90)).budget == budget(seconds, target_percent=Decimal(90))


@pytest.mark.parametrize("target", ["0", "100", "-1", "100.1", "NaN"])
def test_target_that_leaves_no_budget_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="more than 0 and less than 100"):
        budget(Tally(), target_percent=Decimal(target))


def test_interval_ends_after_it_starts() -> None:
    with pytest.raises(ValueError, match="ends after it starts"):
        Interval(NOON, NOON)


def test_cover_joins_what_touches() -> None:
    cover = Cover.of([between(5, 10), between(0, 2), between(10, 12), between(6, 7), between(59, 99)], over=HOUR)
    assert cover.intervals == (between(0, 2), between(5, 12), between(59, 60))
    assert [at(minute) in cover for minute in (0, 2, 5, 11.9, 12, 60, -1)] == [
        True,
        False,
        True,
        True,
        False,
        False,
        False,
    ]
