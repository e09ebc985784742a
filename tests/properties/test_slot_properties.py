"""Slots: none is claimed twice, none is skipped in silence, however late the claim comes."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from probes.policy import slots

moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - aware by timezones
keys = st.integers(1, 10**12)
intervals = st.integers(1, 90_000)


@given(due=moments, late=st.timedeltas(timedelta(0), timedelta(days=40)), interval=intervals, key=keys)
def test_claim_always_gives_one_slot_in_time_and_counts_the_rest(
    due: datetime, late: timedelta, interval: int, key: int
) -> None:
    now = due + late
    claim = slots.claim(due_at=due, now=now, interval_seconds=interval, key=key)
    assert claim.slot <= now < claim.next_due_at
    assert claim.next_due_at - claim.slot <= timedelta(seconds=interval * 1.5)
    assert claim.next_due_at.timestamp() % interval == slots.phase_seconds(key, interval)
    if claim.missed:
        assert claim.missed.first <= claim.missed.last < claim.slot
        span = claim.missed.last - claim.missed.first
        assert abs(span / timedelta(seconds=interval) - (claim.missed.count - 1)) <= 0.5
    else:
        in_time = due.replace(microsecond=due.microsecond // 1000 * 1000)
        is_too_old = now - in_time > slots.LATEST
        assert claim.slot == (slots.whole_second(now) if is_too_old else in_time)


@given(due=moments, interval=st.integers(1, 3000), key=keys, delays=st.lists(st.integers(0, 9000), max_size=9))
def test_claims_in_a_row_account_for_every_slot_once(
    due: datetime, interval: int, key: int, delays: list[int]
) -> None:
    start = due = slots.claim(due_at=due, now=due, interval_seconds=interval, key=key).next_due_at
    accounted = 0
    for delay in delays:
        now = due + timedelta(seconds=delay)
        claim = slots.claim(due_at=due, now=now, interval_seconds=interval, key=key)
        accounted += 1 + (claim.missed.count if claim.missed else 0)
        due = claim.next_due_at
    assert due == start + timedelta(seconds=interval * accounted)
