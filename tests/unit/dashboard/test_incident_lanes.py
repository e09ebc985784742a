"""Which time the bars of an incident are about."""

from datetime import UTC, datetime, timedelta

from dashboard.incidents.lanes import LONGEST, around
from probes.models import Incident

NOW = datetime(2026, 11, 27, 14, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def incident(began: datetime, resolved: datetime | None = None) -> Incident:
    return Incident(began_at=began, opened_at=began, resolved_at=resolved)


def test_some_time_is_shown_around_an_incident() -> None:
    over = around(incident(NOW - 40 * HOUR, NOW - 20 * HOUR), NOW)
    assert (over.start, over.end) == (NOW - 42 * HOUR, NOW - 18 * HOUR)


def test_open_or_fresh_one_is_shown_up_to_now() -> None:
    assert around(incident(NOW - HOUR), NOW).end == NOW
    assert around(incident(NOW - HOUR, NOW - timedelta(minutes=2)), NOW).end == NOW
    assert around(incident(NOW), NOW).start < NOW


def test_of_a_very_long_one_its_end_is_shown() -> None:
    over = around(incident(NOW - 4 * LONGEST, NOW - LONGEST), NOW)
    assert over.end - over.start == LONGEST
