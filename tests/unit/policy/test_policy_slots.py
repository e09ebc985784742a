"""Slots: one check however late, nothing skipped in silence, and no two names for one check."""

from datetime import UTC, datetime, timedelta

import pytest

from probes.policy import slots

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = 7
INTERVAL = 60


def on_grid(after: datetime, interval_seconds: int = INTERVAL, key: int = KEY) -> datetime:
    """The first grid slot at or after a moment, found by counting seconds."""
    moment = after.replace(microsecond=0) + timedelta(seconds=after.microsecond > 0)
    while int(moment.timestamp()) % interval_seconds != slots.phase_seconds(key, interval_seconds):
        moment += timedelta(seconds=1)
    return moment


def test_claim_in_time_takes_the_due_slot_and_moves_on_by_one_interval() -> None:
    due = on_grid(NOON)
    claim = slots.claim(due_at=due, now=due + timedelta(seconds=2), interval_seconds=INTERVAL, key=KEY)
    assert claim == slots.Claim(due, due + timedelta(seconds=INTERVAL))


def test_claim_after_downtime_makes_one_check_and_names_the_missed_slots() -> None:
    due = on_grid(NOON)
    now = due + timedelta(seconds=10 * INTERVAL + 5)
    claim = slots.claim(due_at=due, now=now, interval_seconds=INTERVAL, key=KEY)
    assert claim.slot == due + timedelta(seconds=10 * INTERVAL)
    assert claim.next_due_at == due + timedelta(seconds=11 * INTERVAL)
    assert claim.missed == slots.Missed(first=due, last=due + timedelta(seconds=9 * INTERVAL), count=10)


def test_claim_one_interval_late_misses_exactly_one_slot() -> None:
    due = on_grid(NOON)
    now = due + timedelta(seconds=INTERVAL)
    claim = slots.claim(due_at=due, now=now, interval_seconds=INTERVAL, key=KEY)
    assert claim == slots.Claim(now, now + timedelta(seconds=INTERVAL), slots.Missed(due, due, 1))


def test_claim_off_the_grid_is_followed_by_a_grid_slot_not_too_soon() -> None:
    due = on_grid(NOON) - timedelta(seconds=1)
    claim = slots.claim(due_at=due, now=due, interval_seconds=INTERVAL, key=KEY)
    assert claim.slot == due
    assert claim.next_due_at == on_grid(due + timedelta(seconds=INTERVAL / 2))


def test_claim_long_after_an_off_grid_due_time_counts_it_as_missed() -> None:
    due = on_grid(NOON) - timedelta(seconds=1)
    first_on_grid = on_grid(due + timedelta(seconds=INTERVAL / 2))
    claim = slots.claim(due_at=due, now=first_on_grid, interval_seconds=INTERVAL, key=KEY)
    assert claim.slot == first_on_grid
    assert claim.missed == slots.Missed(due, due, 1)


@pytest.mark.parametrize("late_days", [20, 45], ids=["before the next slot", "after it"])
def test_slot_long_gone_is_not_handed_out_for_its_day_is_closed(late_days: int) -> None:
    month = 30 * 24 * 3600
    now = NOON + timedelta(days=late_days, milliseconds=1)
    claim = slots.claim(due_at=NOON, now=now, interval_seconds=month, key=KEY)
    assert now - claim.slot < timedelta(days=1)
    assert claim.next_due_at > now


def test_phases_spread_resources_over_the_interval() -> None:
    quarters = [slots.phase_seconds(key, 300) // 75 for key in range(4000)]
    assert all(900 < quarters.count(quarter) < 1100 for quarter in range(4))


@pytest.mark.parametrize(
    ("now", "last_asked", "slot"),
    [
        (NOON + timedelta(microseconds=250_999), None, NOON + timedelta(milliseconds=250)),
        (NOON, None, NOON + timedelta(milliseconds=1)),
        (NOON, NOON - timedelta(minutes=1), NOON + timedelta(milliseconds=1)),
        (NOON, NOON + timedelta(milliseconds=1), NOON + timedelta(milliseconds=2)),
        (NOON, NOON + timedelta(milliseconds=999), NOON + timedelta(milliseconds=1001)),
    ],
)
def test_asked_slot_is_new_and_never_a_whole_second(
    now: datetime, last_asked: datetime | None, slot: datetime
) -> None:
    assert slots.asked_slot(now, last_asked) == slot


def test_whole_second_is_what_the_grid_can_express() -> None:
    assert slots.whole_second(NOON + timedelta(microseconds=999_999)) == NOON
