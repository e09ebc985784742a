"""How things stand as a whole, in one sentence, and what is wrong with Kairos itself. PURE: counts in, words out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from dashboard import words
from dashboard.cells import LATEST_TICK, region_name
from dashboard.region_words import trouble
from probes.models import Region
from probes.policy.liveness import SILENT_AFTER
from probes.selectors.severity import Group

_SAID: Final = {
    Group.UNAVAILABLE: "unavailable",
    Group.DEGRADED: "degraded",
    Group.UNKNOWN: "unknown",
    Group.UNCHECKED: "not yet checked",
    Group.MAINTENANCE: "in maintenance",
    Group.PAUSED: "paused",
}


def headline(
    tally: Mapping[Group, int], regions: Sequence[Region], *, is_current: bool, has_endpoints: bool = False
) -> str:
    """Return the one sentence that says how things stand, worst first, or stood when checks were last handed out."""
    total, good = sum(tally.values()), tally[Group.AVAILABLE]
    noun = "resource" if has_endpoints else "image"
    if total == tally[Group.UNCHECKED]:
        return f"No result yet for {words.counted(total, noun)}"
    where = "from everywhere" if all(map(_is_heard, regions)) else "from every region that reports"
    fare = f"{_fare(good or 1, is_current=is_current, has_endpoints=has_endpoints)} {where}"
    if good == total:
        return f"{f'All {total:,} {noun}s' if total > 1 else f'The one {noun}'} {fare}"
    (first, worst), *rest = [(tally[group], said) for group, said in _SAID.items() if tally[group]]
    singular, plural = ("is", "are") if is_current else ("was", "were")
    if total == 1:
        return f"The one {noun} {singular} {worst}"
    said = ", ".join(
        (
            f"{first:,} of {total:,} {noun}s {singular if first == 1 else plural} {worst}",
            *(f"{count:,} {what}" for count, what in rest),
        )
    )
    return f"{said}; {f'{good:,}' if good else 'none'} {fare}"


def _fare(count: int, *, is_current: bool, has_endpoints: bool) -> str:
    """Return what can be said of those that are well: images can be pulled, and endpoints cannot."""
    if not has_endpoints:
        return f"{'can' if is_current else 'could'} be pulled"
    singular, plural = ("is", "are") if is_current else ("was", "were")
    return f"{singular if count == 1 else plural} available"


def is_ticking(ticked_at: datetime | None, now: datetime) -> bool:
    """Tell whether checks are being handed out."""
    return ticked_at is not None and now - ticked_at <= LATEST_TICK


def problems(ticked_at: datetime | None, regions: Sequence[Region], now: datetime) -> list[str]:
    """Return what is wrong with Kairos itself, so that nobody takes an old picture for a good one."""
    said: list[str] = []
    if ticked_at is None:
        said.append("No check has been handed out yet: beat and the control worker have not been heard of.")
    elif not is_ticking(ticked_at, now):
        heard = words.ago(ticked_at, now)
        said.append(f"No checks are handed out: beat and the control worker were last heard of {heard}.")
    elif missing := [region_name(region) for region in regions if _is_missing(region, now)]:
        said.append(
            f"Nothing is heard of {', '.join(missing)}, and whether that is silence cannot be told: "
            "heartbeats may wait to be read."
        )
    return [*said, *filter(None, (trouble(region, now) for region in regions))]


def short_title(tally: Mapping[Group, int]) -> str:
    """Return what a browser's tab has room for."""
    bad = [f"{tally[group]:,} {_SAID[group]}" for group in (Group.UNAVAILABLE, Group.DEGRADED) if tally[group]]
    return f"{', '.join(bad)} · Kairos" if bad else "Kairos"


def _is_heard(region: Region) -> bool:
    return region.condition.votes and region.last_seen_at is not None


def _is_missing(region: Region, now: datetime) -> bool:
    """Tell whether a region would be silent by now if we knew that we have missed nothing."""
    if region.last_seen_at is None or region.silent_since is not None or region.retired_at is not None:
        return False
    return now - region.last_seen_at > SILENT_AFTER + LATEST_TICK
