"""Uptime in words and bars. PURE: seconds in, words and charts out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from django.utils.safestring import SafeString

from dashboard import words
from dashboard.charts import shares
from probes.policy.uptime import Budget, Figure, Tally

_WHOLE_FROM: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The figure of one window. `share` is empty where no second counts: no data is no figure."""

    window: str
    share: str
    bar: SafeString
    notes: Sequence[str]
    left_out: str
    budget: str
    is_overspent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionLine:
    """A region's figure in each window, as it saw it for itself."""

    name: str
    slug: str
    shares: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Uptime:
    """Cards by window, and the same from each region. `target` is empty where nothing is promised."""

    cards: Sequence[Card]
    regions: Sequence[RegionLine]
    target: str


def uptime(
    figures: Mapping[str, Figure],
    regions: Sequence[tuple[str, str, Mapping[str, Tally]]],
    *,
    before: Mapping[str, int] | None = None,
    unattended: str = "paused",
) -> Uptime:
    """Return the figures by window. Of each region its slug, its name and its seconds by window are given.

    `before` are the seconds from the beginning of each window to where there was something to look at.
    `unattended` is what the time is called in which nobody looked: what is retired is not called paused.
    """
    target = next((item.target_percent for item in figures.values()), None)
    return Uptime(
        cards=[
            _card(window, figure, (before or {}).get(window, 0), unattended) for window, figure in figures.items()
        ],
        regions=[
            RegionLine(name=name, slug=slug, shares=[_share(seconds[window]) for window in figures])
            for slug, name, seconds in regions
        ],
        target=f"{target.normalize():f} %" if target else "",
    )


def _card(window: str, figure: Figure, before: int, unattended: str) -> Card:
    seconds, budget = figure.seconds, figure.budget
    return Card(
        window=window,
        share=_share(seconds),
        bar=shares.share_bar(seconds, label=f"Last {window}", unattended=unattended),
        notes=[
            f"{words.amount(count)} {said}"
            for count, said in ((seconds.unavailable, "down"), (seconds.degraded, "degraded, which counts as up"))
            if count
        ],
        left_out=_left_out(seconds, max(0, min(before, seconds.unknown)), unattended),
        budget=_budget(budget) if budget and seconds.counted else "",
        is_overspent=budget is not None and budget.left_seconds < 0,
    )


def _share(seconds: Tally) -> str:
    return words.percent(seconds.up, seconds.counted) if seconds.counted else ""


def _left_out(seconds: Tally, before: int, unattended: str) -> str:
    parts = (
        (before, "before it was there"),
        (seconds.unknown - before, "unknown"),
        (seconds.maintenance, "maintenance"),
        (seconds.paused, unattended),
    )
    return words.listed([f"{words.amount(count)} {said}" for count, said in parts if count])


def _budget(budget: Budget) -> str:
    if budget.allowed_seconds < 1:  # of so short a time no pace is told, nor what is left of nothing
        return f"Budget of less than 1 s overspent by {_over(budget)}" if budget.left_seconds < 0 else ""
    allowed = words.amount(budget.allowed_seconds)
    pace = (
        f", spent {_times(budget.burn_rate)} times as fast as it lasts"
        if budget.burn_rate and budget.burn_rate > 1
        else ""
    )
    if budget.left_seconds < 0:
        return f"Budget of {allowed} overspent by {_over(budget)}{pace}"
    return f"{words.amount(budget.left_seconds)} left of a budget of {allowed}"


def _over(budget: Budget) -> str:
    """Return by how much it is overspent, rounded up: by no second it would not be."""
    return words.amount(ceil(-budget.left_seconds))


def _times(rate: float) -> str:
    tenths = f"{rate:.1f}"
    return tenths if float(tenths) < _WHOLE_FROM else f"{rate:,.0f}"
