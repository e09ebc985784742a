"""Uptime in words and bars."""

from decimal import Decimal

import pytest

from dashboard.charts.shares import share_bar
from dashboard.uptime import uptime
from probes.policy.uptime import Figure, Tally

DAY = 86_400


def card(seconds: Tally, target: str = ""):  # type: ignore[no-untyped-def]  # noqa: ANN201 - a card
    figure = Figure(seconds=seconds, target_percent=Decimal(target) if target else None)
    return uptime({"24h": figure}, []).cards[0]


def test_no_data_is_no_figure_and_no_budget() -> None:
    found = card(Tally(unknown=DAY), "99.9")
    assert (found.share, found.budget, found.left_out) == ("", "", "1\N{NO-BREAK SPACE}d unknown")
    assert "100 % unknown" in found.bar


def test_what_is_left_out_is_said() -> None:
    found = card(Tally(available=DAY, unknown=60, maintenance=3_600, paused=90))
    assert found.share == "100 %"
    assert found.left_out.replace("\N{NO-BREAK SPACE}", " ") == "1 min unknown, 1 h maintenance and 1 min 30 s paused"


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (DAY - 240, "23 h 56 min before it was there and 1 min unknown"),
        (2 * DAY, "23 h 57 min before it was there"),
        (-DAY, "23 h 57 min unknown"),
    ],
)
def test_time_before_it_was_there_is_not_called_unknown(before: int, said: str) -> None:
    figures = {"24h": Figure(seconds=Tally(available=180, unknown=DAY - 180))}
    (found,) = uptime(figures, [], before={"24h": before}).cards
    assert found.left_out.replace("\N{NO-BREAK SPACE}", " ") == said


def test_what_nobody_looked_at_is_called_what_it_was() -> None:
    (found,) = uptime({"24h": Figure(seconds=Tally(paused=DAY))}, [], unattended="retired or paused").cards
    assert found.left_out.replace("\N{NO-BREAK SPACE}", " ") == "1 d retired or paused"
    assert "100 % retired or paused" in found.bar
    assert "<title>retired or paused: 1" in found.bar


def test_downtime_is_said_beside_the_figure() -> None:
    found = card(Tally(available=DAY - 90, unavailable=60, degraded=30))
    assert found.share == "99.93 %"
    assert [note.replace("\N{NO-BREAK SPACE}", " ") for note in found.notes] == [
        "1 min down",
        "30 s degraded, which counts as up",
    ]


@pytest.mark.parametrize(
    ("down", "said", "is_overspent"),
    [
        (0, "14 min 24 s left of a budget of 14 min 24 s", False),
        (432, "7 min 12 s left of a budget of 14 min 24 s", False),
        (1728, "Budget of 14 min 24 s overspent by 14 min 24 s, spent 2.0 times as fast as it lasts", True),
    ],
)
def test_budget_is_told_as_what_is_left_or_overspent(down: int, said: str, is_overspent: bool) -> None:  # noqa: FBT001
    found = card(Tally(available=DAY - down, unavailable=down), "99")
    assert (found.budget.replace("\N{NO-BREAK SPACE}", " "), found.is_overspent) == (said, is_overspent)


@pytest.mark.parametrize(
    ("down", "said", "is_overspent"), [(0, "", False), (90, "Budget of less than 1 s overspent by 1 min 30 s", True)]
)
def test_of_so_short_a_time_no_budget_is_told_but_that_it_is_overspent(
    down: int,
    said: str,
    is_overspent: bool,  # noqa: FBT001 - a column of the examples
) -> None:
    found = card(Tally(available=90 - down, unavailable=down), "99.9")
    assert (found.budget.replace("\N{NO-BREAK SPACE}", " "), found.is_overspent) == (said, is_overspent)


@pytest.mark.parametrize(
    ("up", "down", "said"),
    [
        (899, 1, "Budget of less than 1 s overspent by 1 s"),
        (DAY - 87, 87, "Budget of 1 min 26 s overspent by 1 s, spent 1.0 times as fast as it lasts"),
    ],
)
def test_budget_that_is_overspent_is_never_so_by_nothing(up: int, down: int, said: str) -> None:
    found = card(Tally(available=up, unavailable=down), "99.9")
    assert (found.budget.replace("\N{NO-BREAK SPACE}", " "), found.is_overspent) == (said, True)


@pytest.mark.parametrize(
    ("up", "down", "pace"), [(0, DAY, "1,000"), (100_000 - 996, 996, "10"), (100_000 - 994, 994, "9.9")]
)
def test_pace_that_is_many_times_as_fast_has_no_tenths(up: int, down: int, pace: str) -> None:
    found = card(Tally(available=up, unavailable=down), "99.9")
    assert found.budget.endswith(f"spent {pace} times as fast as it lasts")


def test_without_a_target_nothing_is_promised() -> None:
    found = uptime({"24h": Figure(seconds=Tally(available=DAY))}, [])
    assert (found.target, found.cards[0].budget) == ("", "")


def test_target_is_said_without_idle_noughts() -> None:
    for given, said in (("99.9000", "99.9 %"), ("90.0000", "90 %")):
        assert uptime({"24h": Figure(seconds=Tally(), target_percent=Decimal(given))}, []).target == said


def test_each_region_has_a_share_in_each_window_or_none() -> None:
    figures = {"24h": Figure(seconds=Tally()), "7d": Figure(seconds=Tally())}
    seen = {"24h": Tally(unknown=DAY), "7d": Tally(available=3, unavailable=1)}
    (line,) = uptime(figures, [("eu-west", "Europe", seen)]).regions
    assert (line.slug, line.name, line.shares) == ("eu-west", "Europe", ["", "75 %"])


def test_bar_shows_the_shortest_outage_and_is_exactly_full() -> None:
    bar = share_bar(Tally(available=90 * DAY, unavailable=1), label="Last 90d")
    widths = [float(part.split('"')[0]) for part in bar.split(' width="')[1:]]
    assert widths == [992.0, 8.0]
    assert 'aria-label="Last 90d: 99.999 % available, under 0.001 % unavailable"' in bar


def test_bar_of_nothing_is_empty() -> None:
    bar = share_bar(Tally(), label="Last 24h")
    assert "<rect" not in bar
    assert "Last 24h: nothing" in bar
