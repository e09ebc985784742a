"""The window of time that a page is asked for: one of the usual ones, or from one time to another. PURE."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dashboard import words
from dashboard.instants import instant
from probes.policy.intervals import Interval
from probes.policy.uptime import WINDOWS

USUAL: Final = "24h"
CUSTOM: Final = "custom"
PARAMETERS: Final = ("window", "since", "until")
_LONGEST: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What is looked at, and what was asked for. `error` says why something else is shown than was asked for.

    `since` and `until` are as they were written, for the form; empty where a usual window was chosen.
    """

    name: str
    over: Interval
    since: str = ""
    until: str = ""
    error: str = ""

    @property
    def label(self) -> str:
        return "chosen range" if self.name == CUSTOM else f"last {self.name}"

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the address that ask for it again; none for the usual window."""
        if self.name == CUSTOM:
            return {"since": self.since, "until": self.until}
        return {} if self.name == USUAL else {"window": self.name}


def window_of(asked: Mapping[str, str], *, now: datetime, kept: timedelta, usual: str = USUAL) -> Window:
    """Return the window that parameters ask for: `window`, or `since` and `until`, RFC 3339 or without a zone in UTC.

    `kept` is for how long there are figures. What cannot be shown is told, and the `usual` window is shown instead.
    """
    name, since, until = (words.shown(asked.get(key, ""), _LONGEST).strip() for key in PARAMETERS)
    otherwise = Window(name=usual, over=_last(usual, now), since=since, until=until)
    if since or until:
        try:
            over = _between(since, until, now=now, kept=kept)
        except ValueError as error:
            return _with(otherwise, str(error))
        return Window(name=CUSTOM, over=over, since=since, until=until)
    if name in WINDOWS:
        return Window(name=name, over=_last(name, now))
    if name == CUSTOM:
        return _with(otherwise, "Say when the range starts.")
    if name:
        return _with(
            otherwise, f"There is no window “{name}”: choose {words.listed(list(WINDOWS))}, or give a range."
        )
    return otherwise


def written(text: str) -> str:
    """Return an instant as a form writes it, in UTC to the minute: `2026-03-01T12:00`; empty for what is none."""
    found = instant(text)
    return f"{found:%Y-%m-%dT%H:%M}" if found else ""


def _last(name: str, now: datetime) -> Interval:
    return Interval(now - WINDOWS[name], now)


def _with(window: Window, error: str) -> Window:
    return Window(name=window.name, over=window.over, since=window.since, until=window.until, error=error)


def _between(since: str, until: str, *, now: datetime, kept: timedelta) -> Interval:
    """Return the range, to `now` at the latest. Raises `ValueError` in a sentence for who asked."""
    if not since:
        raise ValueError("Say when the range starts.")
    start = _instant(since)
    end = min(_instant(until), now) if until else now
    if start >= now:
        raise ValueError("The range lies ahead: nothing has been seen of it yet.")
    if start >= end:
        raise ValueError("The range ends before it starts.")
    if start < now - kept:
        raise ValueError(f"Figures are kept for {kept.days} days: the range starts before that.")
    return Interval(start, end)


def _instant(text: str) -> datetime:
    found = instant(text)
    if found is None:
        raise ValueError(f"“{text}” is no time: write 2026-03-01T12:00, in UTC.")
    return found
