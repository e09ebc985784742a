"""A lock is a count over a window."""

from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.lockout import FAILURES, LOCK, locked_until

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("failures", "until"),
    [
        ([], None),
        ([(NOW, FAILURES - 1)], None),
        ([(NOW, FAILURES)], NOW + LOCK),
        ([(NOW - 14 * MINUTE, FAILURES)], NOW + MINUTE),
        ([(NOW - LOCK, FAILURES)], None),
        # Two browsers: the older count is forgotten first, and what is left of the newer locks nobody.
        ([(NOW - MINUTE, 5), (NOW - 10 * MINUTE, 5)], NOW + 5 * MINUTE),
        ([(NOW - MINUTE, FAILURES), (NOW - 10 * MINUTE, 5)], NOW + 14 * MINUTE),
        ([(NOW - LOCK, 100), (NOW, FAILURES - 1)], None),
    ],
)
def test_lock_ends_when_fewer_failures_are_remembered(
    failures: list[tuple[datetime, int]], until: datetime | None
) -> None:
    assert locked_until(failures, now=NOW) == until
