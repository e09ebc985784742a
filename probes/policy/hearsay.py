"""What a region goes by of what the registry told the regions that share an account.

A region may be broken, or in the wrong hands, and say of an account whatever it likes. So each goes by what it was
told itself: who lies, lies to himself. What others were told bounds only what is for whoever comes first
(`quota.Account.allowance`).

Source: security page, "A region is lost": it can lie about what it sees; that is one vote, from one place.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import inf
from typing import Any, Final

from probes.policy.quota_limits import LONGEST_WINDOW_SECONDS, UNTOLD_WINDOW_SECONDS, Reading

ENOUGH_TO_DOUBT_ONE: Final = 3
"""Where so many were told, one alone is not believed to have more than all the others, at once or in a second."""

_KEPT: Final = timedelta(seconds=LONGEST_WINDOW_SECONDS)

Readings = Mapping[int, Reading]
"""What each region was last told of an account."""


def believed(readings: Readings, region: int) -> Reading | None:
    """Return the reading that a region goes by: its own, or the least of all until it has one.

    The least may be a lie: who goes by it may soon ask for itself.
    """
    own = readings.get(region)
    if own is None:
        least = min(readings.values(), key=_generosity, default=None)
        return least and _at_once(least, min(map(_most, readings.values())))
    if len(readings) < ENOUGH_TO_DOUBT_ONE:
        return own
    own = _at_once(own, sorted(map(_most, readings.values()))[-2])
    second = sorted(readings.values(), key=_generosity)[-2]
    if _rate(own) <= _rate(second):
        return own
    return replace(_at_once(own, _most(second)), window_seconds=second.window_seconds)


def least_left(readings: Readings, now: datetime) -> Reading | None:
    """Return what of a limit is left for everybody: of all that regions go by, the least in proportion.

    So nobody who says that there is plenty, or no limit, hides that there is little; who says that nothing is left is
    seen. What was told a window ago is no longer so, and counts only where all of it is as old: then the newest does.
    None where nobody knows of a limit.
    """
    told = [found for region in readings if (found := believed(readings, region)) and found.limit is not None]
    if not told:
        return None
    holding = [reading for reading in told if now - reading.at < _window(reading)]
    least = min(holding, key=_share_left) if holding else max(told, key=lambda reading: reading.at)
    if least.remaining is None or least.limit is None:
        return least
    return replace(least, remaining=min(least.remaining, least.limit))


def source(readings: Readings) -> str:
    """Return whom most of the regions were told that the registry counts; nobody where two are named as often."""
    named = Counter(reading.source for reading in readings.values() if reading.source).most_common(2)
    if not named or (len(named) > 1 and named[0][1] == named[1][1]):
        return ""
    return named[0][0]


def merged(several: Iterable[Readings]) -> Readings:
    """Return what each region was last told of accounts that are counted as one."""
    newest: dict[int, Reading] = {}
    for readings in several:
        for region, reading in readings.items():
            if region not in newest or newest[region].at < reading.at:
                newest[region] = reading
    return newest


def noted(readings: Readings, region: int, reading: Reading) -> Readings:
    """Return readings with a region's new one. What others were told longer ago than any window is forgotten."""
    kept = {other: before for other, before in readings.items() if reading.at - before.at < _KEPT}
    return kept | {region: reading}


def readings_to_json(readings: Readings) -> list[list[Any]]:
    """Return readings as rows: region, time in ISO 8601, limit, remaining, seconds of the window, source."""
    return [
        [region, item.at.isoformat(), item.limit, item.remaining, item.window_seconds, item.source]
        for region, item in readings.items()
    ]


def readings_from_json(rows: Iterable[Sequence[Any]]) -> Readings:
    """Return what `readings_to_json` told."""
    return {
        region: Reading(
            at=datetime.fromisoformat(at),
            limit=limit,
            remaining=remaining,
            window_seconds=window_seconds,
            source=told,
        )
        for region, at, limit, remaining, window_seconds, told in rows
    }


def _at_once(reading: Reading, most: float) -> Reading:
    """Return a reading that lets us have no more than that at once."""
    return reading if _most(reading) <= most else replace(reading, limit=int(most))


def _most(reading: Reading) -> float:
    """Return how much a reading lets us have at once."""
    return inf if reading.limit is None else reading.limit


def _rate(reading: Reading) -> float:
    """Return how much a reading lets us have in a second."""
    return _most(reading) / (reading.window_seconds or UNTOLD_WINDOW_SECONDS)


def _window(reading: Reading) -> timedelta:
    return timedelta(seconds=reading.window_seconds or UNTOLD_WINDOW_SECONDS)


def _share_left(reading: Reading) -> float:
    """Return which part of a limit is left; of a limit of nothing there is none that could be."""
    return inf if reading.remaining is None or not reading.limit else reading.remaining / reading.limit


def _generosity(reading: Reading) -> tuple[float, float]:
    return _rate(reading), inf if reading.remaining is None else reading.remaining
