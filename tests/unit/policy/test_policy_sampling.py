"""Whose turn it is in a sample."""

from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.sampling import is_sample_enough, rotation

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(("cadence_seconds", "slots_a_turn"), [(60, 1), (300, 1), (301, 2), (700, 3), (3600, 12)])
def test_turn_lasts_from_one_look_at_the_blobs_to_the_next(cadence_seconds: int, slots_a_turn: int) -> None:
    """B25, E.2: a look falls on a slot, so a cadence between two slots waits for the later one."""
    cadence = timedelta(seconds=cadence_seconds)
    turns = [
        rotation(NOON + slot * timedelta(seconds=300), interval_seconds=300, blobs_every=cadence)
        for slot in range(36)
    ]
    assert turns == [turns[0] + slot // slots_a_turn for slot in range(36)]


@pytest.mark.parametrize(
    ("wanted", "failures", "enough"), [(True, 0, True), (True, 1, False), (False, 0, False), (False, 1, False)]
)
def test_failing_image_is_looked_at_whole(wanted: bool, failures: int, enough: bool) -> None:  # noqa: FBT001 - a table
    """B25: or the turn would pass by the missing layer, and the image count as available again."""
    assert is_sample_enough(wanted=wanted, consecutive_failures=failures) is enough
