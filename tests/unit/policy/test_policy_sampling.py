"""Whose turn it is in a sample."""

from datetime import UTC, datetime

import pytest

from probes.policy.sampling import is_sample_enough

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wanted", "failures", "enough"), [(True, 0, True), (True, 1, False), (False, 0, False), (False, 1, False)]
)
def test_failing_image_is_looked_at_whole(wanted: bool, failures: int, enough: bool) -> None:  # noqa: FBT001 - a table
    """B25: or the turn would pass by the missing layer, and the image count as available again."""
    assert is_sample_enough(wanted=wanted, consecutive_failures=failures) is enough
