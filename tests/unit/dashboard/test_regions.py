"""A region in words."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from dashboard import words
from dashboard.region_words import CONDITIONS, view
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


def worker(number: int, **values: Any) -> dict[str, Any]:
    return {"worker": str(UUID(int=number << 96)), "received_at": NOW.isoformat(), **values}


def said(*workers: dict[str, Any], are_more: bool = False) -> dict[str, str]:
    region = Region(slug="eu-west", verify_key="k", clock_offset_seconds=300.0, clock_uncertainty_seconds=0.1)
    return dict(view(region, Vitals(workers=workers, are_more=are_more), NOW).facts)


def test_worker_that_alone_lost_its_way_out_is_named() -> None:
    lost = worker(7, host="edge-7\n", egress_down_since=(NOW - timedelta(minutes=5)).isoformat())
    gone = worker(8, received_at=(NOW - timedelta(hours=1)).isoformat(), egress_down_since=NOW.isoformat())
    facts = said(worker(1), lost, gone)
    assert facts["Workers"] == f"2; edge-7 (00000007) reaches nothing since 14:25 (5{SPACE}min)"
    assert "Workers" not in said(lost)  # it is the region's


def test_workers_that_are_heard_and_not_known_are_told_of() -> None:
    assert said(worker(1), worker(2), are_more=True)["Workers"] == "more than 2, of which 2 are known"


def test_clocks_of_workers_that_differ_are_told_of() -> None:
    right, wrong = (
        worker(number, clock_offset_seconds=offset, clock_uncertainty_seconds=0.1)
        for number, offset in enumerate((0.0, 300.0))
    )
    assert said(right, wrong)["Clock"] == (
        "300 s ahead, give or take 0.1 s; its workers' clocks are at least 300 s apart"
    )
    assert said(wrong)["Clock"] == said(right, worker(2))["Clock"] == "300 s ahead, give or take 0.1 s"


def test_event_of_one_worker_is_told_as_such() -> None:
    event = RegionEvent(
        at=NOW, before="active", after="egress_down", worker=UUID(int=7), detail="edge-7: none answers"
    )
    shown = view(Region(slug="eu-west", verify_key="k"), Vitals(events=[event]), NOW)
    assert shown.events == ["14:30:00: one worker cut off, edge-7: none answers"]


def test_region_of_which_nothing_is_known_says_little() -> None:
    shown = view(Region(slug="eu-west", verify_key="k"), NO_VITALS, NOW)
    assert (shown.summary, shown.facts, shown.events) == ("active", [("Heard", "not yet")], [])


@pytest.mark.parametrize(
    ("value", "uncertainty", "said"),
    [
        (None, None, ""),
        (0.0, 0.02, "as ours"),
        (-0.01, 0.3, "as ours, give or take 0.3 s"),
        (0.0, None, "as ours, as far as is known"),
        (299.6, None, "at least 300 s ahead"),
        (-0.2, None, "at most 0.2 s behind"),
    ],
)
def test_clock_says_what_is_known_of_it(value: float | None, uncertainty: float | None, said: str) -> None:
    assert words.offset(value, uncertainty) == said
