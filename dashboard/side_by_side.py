"""What regions see of the same thing as rows of a table. PURE: a comparison and a moment in, words out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from dashboard import words
from dashboard.cells import region_name
from dashboard.latency import STEPS
from dashboard.region_words import CONDITIONS, look_of
from dashboard.words import Look
from probes.models import Region
from probes.policy.latency import Timed
from probes.policy.liveness import RegionCondition
from probes.policy.rollup import Rolled
from probes.policy.uptime import Tally
from probes.protocol.outcome import rfc3339
from probes.protocol.taxonomy import Status
from probes.selectors.comparison import MOST_FAILING, MOST_LOOKED_AT, Comparison, Failure, Many, Seen

WORSE_BY: Final = 2.0
"""A latency that is so many times that of the quickest region is marked, from `NOTABLE_MS` on."""

NOTABLE_MS: Final = 100.0

_FACTS: Final = {
    "status": "What was found",
    "reason": "Reason",
    "host": "The host that answered last",
    "digest": "The image behind the tag",
    "stance": "How it votes",
    "failing": "How many fail now",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LastFailure:
    """The last outcome that was not available. `query` is that with which the image's page shows its steps."""

    look: Look
    said: str
    host: str
    moment: str
    resource_id: int
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Half and 95 of 100 took no longer. `is_worse` marks one that is much slower than elsewhere."""

    p50: str
    p95: str
    is_worse: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one region sees. `condition` is told of a region that is not as it should be.

    `share` is empty where nothing is known; `latencies` are in the order of the table's steps, None where nothing was
    timed. `now_look` and `now` are of the last checks.
    """

    slug: str
    name: str
    look: Look | None
    condition: str
    share: str
    is_least: bool
    checks: str
    others: Sequence[str]
    latencies: Sequence[Latency | None]
    now_look: Look | None
    now: str
    digest: str
    failure: LastFailure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """A fact on which regions differ, and who says what."""

    fact: str
    views: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitImage:
    """One of many, which fails from some regions and is good from others."""

    id: int
    name: str
    failing: str
    good: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Regions side by side, over a range that is `told`. `overall` is the share over all of them, or empty.

    `counted_to` says up to when checks are counted and timed, where that is not all of the range. `split`
    are those of many on which regions differ, and `split_told` says how many there are; `bounded` is told where more
    fails than was looked through. `agreed` is told where they differ on nothing.
    """

    told: str
    counted_to: str
    overall: str
    steps: Sequence[str]
    rows: Sequence[Row]
    opinions: Sequence[Opinion]
    split: Sequence[SplitImage]
    split_told: str
    agreed: str
    bounded: str
    has_digests: bool


def table(found: Comparison, now: datetime, named: Mapping[int, str] | None = None) -> Table:
    """Return a comparison as a page shows it; of what is `split` those that are `named`, by their ids."""
    names = {item.region.slug: region_name(item.region) for item in found.regions}
    timed = [step for step in STEPS if any(step in item.rolled.latency for item in found.regions)]
    quickest = {step: _least(found, step) for step in timed}
    shares = [share for item in found.regions if (share := item.rolled.seconds.availability) is not None]
    least = min(shares) if shares and min(shares) < max(shares) else None
    return Table(
        told=words.between(found.over.start, found.over.end, now),
        counted_to=words.clock(found.counted_to, now)
        if found.counted_to and found.counted_to < found.over.end
        else "",
        overall=share_of(found.overall.seconds),
        steps=[STEPS[step] for step in timed],
        rows=[_row(item, timed, quickest, least, now) for item in found.regions],
        opinions=[
            Opinion(
                fact=_FACTS.get(item.fact, item.fact),
                views=[
                    (_value(item.fact, view.value), words.listed([names.get(slug, slug) for slug in view.regions]))
                    for view in item.views
                ],
            )
            for item in found.disagreements
        ],
        split=[
            SplitImage(
                id=item.resource_id,
                name=(named or {})[item.resource_id],
                failing=words.listed([names.get(slug, slug) for slug in item.failing]),
                good=words.listed([names.get(slug, slug) for slug in item.good]),
            )
            for item in found.split
            if item.resource_id in (named or {})
        ],
        split_told=_split_told(found),
        agreed=_agreed(found),
        bounded=""
        if all(item.many is None or item.many.is_complete for item in found.regions)
        else f"Of each region the newest {MOST_FAILING:,} that fail were looked through.",
        has_digests=any(item.state and item.state.digest for item in found.regions),
    )


def _split_told(found: Comparison) -> str:
    if not found.split_count:
        return ""
    told = f"{words.counted(found.split_count, 'fails', 'fail')} from one region and not from another"
    return f"{told}, the newest:" if found.split_count > len(found.split) else f"{told}:"


def _agreed(found: Comparison) -> str:
    """Return what is said where regions differ on nothing. It takes two that tell something of now."""
    many = [item.many for item in found.regions if item.many is not None]
    told = "how many fail now" if many else "how it is now"
    telling = sum(item.counts and (item.many is None or item.many.is_told) for item in found.regions)
    if len(found.regions) == 1:
        return "It is seen from one region alone here: there is nothing to compare."
    if telling < 2:
        who = f"Only {telling} of {len(found.regions)} regions tells" if telling else "No region tells"
        return f"{who} {told}: there is nothing to compare."
    if many:
        return "Nothing fails now from one region and not from another."
    return "They agree on all that they can tell."


def share_of(seconds: Tally) -> str:
    """Return for which share of the time that counts it could be had; empty where none counts."""
    return words.percent(seconds.up, seconds.counted) if seconds.counted else ""


def others_of(rolled: Rolled) -> list[str]:
    """Return of the outcomes those that were not available, by status."""
    return [
        f"{count:,} {Look(status).label.lower()}"
        for status in Status
        if status is not Status.AVAILABLE and (count := rolled.outcomes.get(status, 0))
    ]


def _row(
    item: Seen, timed: Sequence[Timed], quickest: Mapping[Timed, float | None], least: float | None, now: datetime
) -> Row:
    region, rolled, condition = item.region, item.rolled, item.region.condition
    now_look, said = _now(item)
    return Row(
        slug=region.slug,
        name=region_name(region),
        look=look_of(region),
        condition="" if condition is RegionCondition.ACTIVE else CONDITIONS[condition],
        share=share_of(rolled.seconds),
        is_least=least is not None and rolled.seconds.availability == least,
        checks=f"{sum(rolled.outcomes.values()):,}" if rolled.outcomes else "",
        others=others_of(rolled),
        latencies=[_latency(rolled, step, quickest[step]) for step in timed],
        now_look=now_look,
        now=said,
        digest=words.short_digest(item.state.digest) if item.state else "",
        failure=_failure(item.failure, region, now) if item.failure else None,
    )


def _now(item: Seen) -> tuple[Look | None, str]:
    if item.state is not None:
        look = Look(item.state.status)
        why = "" if look is Look.AVAILABLE else words.reason(item.state.reason)
        if item.counts:
            return look, why or look.label
        return _missing(item.region), f"was {why or look.label.lower()}"
    if item.many is not None:
        return _of_many(item.many) if item.counts else _of_many_before(item.many, item.region)
    return Look.UNCHECKED, Look.UNCHECKED.label


def _missing(region: Region) -> Look:
    """Return why what was found from there counts no more."""
    return Look.STALE if region.condition.votes else look_of(region)


def _of_many(many: Many) -> tuple[Look | None, str]:
    least = "" if many.is_complete else "at least "
    lapsed = f"{least}{many.lapsed:,} failed before, not checked since" if many.lapsed else ""
    if not many.failing:
        return _none_of_many(many, lapsed)
    said = f"{least}{many.failing:,} fail{'s' if many.failing == 1 else ''}"
    return Look.DEGRADED, f"{said}; {lapsed}" if lapsed else said


def _none_of_many(many: Many, lapsed: str) -> tuple[Look | None, str]:
    """Return what is said where nothing fails by what counts: that none does is told of what is fresh alone."""
    if not many.looked_at:
        if many.are_more:
            return Look.UNCHECKED, f"none of the first {MOST_LOOKED_AT:,} checked"
        return Look.UNCHECKED, "not checked now" if many.seen else "nothing seen"
    if not many.fresh:
        return Look.STALE, lapsed or f"nothing fresh of {many.looked_at:,}"
    fresh = (
        "none fails" if many.fresh == many.looked_at else f"none fails of {many.fresh:,} fresh of {many.looked_at:,}"
    )
    return (Look.STALE, f"{fresh}; {lapsed}") if lapsed else (Look.AVAILABLE, fresh)


def _of_many_before(many: Many, region: Region) -> tuple[Look | None, str]:
    """Return what a region found last that has no vote: nothing of it is of now."""
    least = "" if many.is_complete else "at least "
    if many.lapsed:
        return _missing(region), f"{least}{many.lapsed:,} failed last"
    return _missing(region), "no vote"


def _latency(rolled: Rolled, step: Timed, quickest: float | None) -> Latency | None:
    p50, p95 = rolled.percentile_ms(step, 50), rolled.percentile_ms(step, 95)
    if p50 is None or p95 is None:
        return None
    is_worse = quickest is not None and p50 >= max(WORSE_BY * quickest, NOTABLE_MS)
    return Latency(p50=words.milliseconds(p50), p95=words.milliseconds(p95), is_worse=is_worse)


def _least(found: Comparison, step: Timed) -> float | None:
    timed = [value for item in found.regions if (value := item.rolled.percentile_ms(step, 50)) is not None]
    return min(timed, default=None)


def _failure(failure: Failure, region: Region, now: datetime) -> LastFailure:
    return LastFailure(
        look=Look(failure.status),
        said=words.reason(failure.reason),
        host=words.shown(failure.host, 260),
        moment=words.clock(failure.slot, now),
        resource_id=failure.resource_id,
        query=urlencode({"from": region.slug, "slot": rfc3339(failure.slot)}),
    )


def _value(fact: str, value: str) -> str:
    match fact:
        case "status":
            return Look(value).label
        case "reason":
            return words.reason(value)
        case "digest":
            return words.short_digest(value)
        case _:
            return words.shown(value, 260)
