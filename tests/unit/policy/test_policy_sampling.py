"""Whose turn it is in a sample."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.policy.sampling import is_sample_enough, rotation

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@given(
    interval_seconds=st.integers(15, 100_000),
    cadence_seconds=st.integers(1, 200_000),
    offset_seconds=st.integers(0, 100_000),
)
def test_each_look_at_the_blobs_is_one_turn_on(
    interval_seconds: int, cadence_seconds: int, offset_seconds: int
) -> None:
    """B25, E.2: whatever interval and cadence are, no turn is passed over."""
    cadence, interval = timedelta(seconds=cadence_seconds), timedelta(seconds=interval_seconds)
    slot = NOON + timedelta(seconds=offset_seconds)
    turns = []
    for _ in range(20):
        turns.append(rotation(slot, interval_seconds=interval_seconds, blobs_every=cadence))
        looked_at, slot = slot, slot + interval
        while slot - looked_at < cadence:
            slot += max(interval, (cadence - (slot - looked_at)) // interval * interval)
    assert turns == list(range(turns[0], turns[0] + 20))


@pytest.mark.parametrize(
    ("wanted", "failures", "enough"), [(True, 0, True), (True, 1, False), (False, 0, False), (False, 1, False)]
)
def test_failing_image_is_looked_at_whole(wanted: bool, failures: int, enough: bool) -> None:  # noqa: FBT001 - a table
    """B25: or the turn would pass by the missing layer, and the image count as available again."""
    assert is_sample_enough(wanted=wanted, consecutive_failures=failures) is enough
