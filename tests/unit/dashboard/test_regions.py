"""A region in words."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard import words
from dashboard.regions import CONDITIONS, view
from probes.models import Region, RegionEvent
from probes.policy.liveness import RegionCondition
from probes.protocol.egress import Canary, CanaryRound
from probes.selectors.regions import NO_VITALS, Vitals

NOW = datetime(2024, 11, 23, 14, 30, tzinfo=UTC)
SPACE = "\N{NO-BREAK SPACE}"


def test_every_condition_has_a_word() -> None:
    assert set(CONDITIONS) == set(RegionCondition)


def test_region_tells_how_it_is_and_what_happened_to_it() -> None:
    region = Region(
        slug="eu-west",
        verify_key="k",
        last_seen_at=NOW - timedelta(seconds=4),
        condition_since=NOW - timedelta(minutes=5),
        egress_down_since=NOW - timedelta(minutes=5),
        queue_lag_seconds=0.31,
        clock_offset_seconds=-300.2,
        clock_uncertainty_seconds=0.1,
    )
    canaries = (
        Canary(url="https://one.test/generate_204", http_status=204, error=None, total_ms=31.7),
        Canary(url="https://two.test/", http_status=None, error="connect_timeout", total_ms=5000.0),
    )
    found = CanaryRound(
        number=3, ended_at=NOW, canaries=canaries, local_address="10.0.0.4", public_address="192.0.2.7"
    )
    event = RegionEvent(at=NOW - timedelta(minutes=5), before="active", after="egress_down", detail="<b>\u202e")
    shown = view(region, Vitals(found, [event]), NOW)
    assert shown.summary == f"cut off since 14:25 (5{SPACE}min)"
    assert shown.facts == [
        ("Heard", f"4{SPACE}s ago"),
        ("Queue lag", "0.3 s"),
        ("Clock", "300 s behind, give or take 0.1 s"),
        ("Canaries", "one.test 204 in 32 ms, two.test connection timed out"),
        ("Egress address", "192.0.2.7, 10.0.0.4"),
    ]
    assert shown.events == ["14:25:00: cut off, <b>"]


def test_region_of_which_nothing_is_known_says_little() -> None:
    shown = view(Region(slug="eu-west", verify_key="k"), NO_VITALS, NOW)
    assert (shown.summary, shown.facts, shown.events) == ("active", [("Heard", "not yet")], [])


@pytest.mark.parametrize(
    ("value", "uncertainty", "said"),
    [
        (None, None, ""),
        (0.0, 0.02, "0.0 s ahead, give or take 0.0 s"),
        (299.6, None, "at least 300 s ahead"),
        (-0.2, None, "at most 0.2 s behind"),
    ],
)
def test_clock_says_what_is_known_of_it(value: float | None, uncertainty: float | None, said: str) -> None:
    assert words.offset(value, uncertainty) == said
