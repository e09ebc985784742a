"""Which time the bars of an incident are about."""

from datetime import UTC, datetime, timedelta

from dashboard.incidents.lanes import LONGEST, around, lanes
from probes.models import Incident, Region
from probes.policy.buckets import cut
from probes.policy.grid import Grid
from probes.policy.intervals import Interval

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


def test_times_beneath_the_bars_are_those_of_their_slots() -> None:
    grid = Grid.of(Interval(NOW - 2 * HOUR, NOW))
    found = lanes([Region(pk=7, slug="eu-west"), Region(pk=8, slug="us-east")], {7: cut(grid, [], born=0)})
    assert found
    assert [lane.name for lane in found.lanes] == ["eu-west"]
    assert (found.marks[0], found.marks[-1]) == ((NOW - 2 * HOUR, "12:00"), (NOW, "14:00"))
    assert found.slot == "2\N{NO-BREAK SPACE}min"
    assert lanes([], {}) is None
