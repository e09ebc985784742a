"""How the pages say things: looks, reasons, ages and spans of time. PURE: the caller gives the time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from dashboard.instants import Told
from probes.policy import reason_words, spans
from probes.policy.slots import MissedCause
from probes.protocol.errors import clean_text
from probes.protocol.warnings import SENTENCES

Facts = Sequence[tuple[str, str]]
"""Terms and what is said of each, in order."""

_DAY: Final = 86_400
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"
_NEAR: Final = timedelta(days=100)
_LEAST_OFFSET_SECONDS: Final = 0.05  # which would be told as 0.0


class Look(StrEnum):
    """What a cell, a verdict or a row looks like. The value is its style class and the name of its symbol.

    The first five are the statuses of an outcome; the rest say why there is none that counts now.
    """

    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"
    DEGRADED = "degraded"
    INDETERMINATE = "indeterminate"
    CONFIG_ERROR = "config_error"
    UNKNOWN = "unknown"
    STALE = "stale"
    SILENT = "silent"
    EGRESS_DOWN = "egress_down"
    PAUSED = "paused"
    RETIRED = "retired"
    MAINTENANCE = "maintenance"
    UNCHECKED = "unchecked"

    @property
    def label(self) -> str:
        return _LOOKS[self].label

    @property
    def meaning(self) -> str:
        """The sentence of the legend."""
        return _LOOKS[self].meaning


@dataclass(frozen=True, slots=True)
class _Explained:
    label: str
    meaning: str


_LOOKS: Final = {
    Look.AVAILABLE: _Explained(
        "Available", "A pull works, as deep as was checked. As a verdict: from every region with a vote."
    ),
    Look.UNAVAILABLE: _Explained("Unavailable", "A pull fails, and would fail again the same way."),
    Look.DEGRADED: _Explained(
        "Degraded",
        "The registry or the network did not do its job. As a verdict: good from some regions only.",
    ),
    Look.INDETERMINATE: _Explained("Indeterminate", "The check could not tell. It has no vote."),
    Look.CONFIG_ERROR: _Explained("Config error", "The check itself needs mending. It has no vote."),
    Look.UNKNOWN: _Explained("Unknown", "Too few regions have a fresh vote for a verdict."),
    Look.STALE: _Explained("Stale", "Checks stopped coming; shown is the last result. It has no vote."),
    Look.SILENT: _Explained("Region silent", "The region's worker is not heard; shown is the last result. No vote."),
    Look.EGRESS_DOWN: _Explained(
        "Region cut off", "The region reaches nothing at all; shown is the last result that counted. No vote."
    ),
    Look.PAUSED: _Explained("Paused", "Nothing is checked until it is resumed."),
    Look.RETIRED: _Explained("Retired", "It is not checked any more, and is kept for its history."),
    Look.MAINTENANCE: _Explained(
        "Maintenance", "Work is planned now. Checks and verdicts go on; uptime leaves the time out."
    ),
    Look.UNCHECKED: _Explained("Not yet checked", "No result has come from there yet."),
}

_MISSED: Final[dict[str, str]] = {
    MissedCause.DOWNTIME: "Kairos was down",
    MissedCause.SHED: "the region's queue was full",
    MissedCause.EXPIRED: "the region gave no sign of life",
    MissedCause.LOST: "nothing usable came back in time",
    MissedCause.OUTDATED: "a worker of the region is too old for it",
    MissedCause.QUOTA: "our share of the registry's quota was used up",
}

LEFT_OUT: Final = {
    "paused": "the region is paused",
    "draining": "the region is being drained",
    "silent": "the region is silent",
    "egress_down": "the region reaches nothing at all",
    "unheard": "the region has not been heard yet",
    "maintenance": "work is planned there",
    "no_login": "it has no login, and others have one",
    "unchecked": "nothing has come from it yet",
    "unproved": "nothing was good there yet, and too little was bad",
    "stale": "its last result is too old",
    "indeterminate": "its check could not tell",
    "config_error": "the check needs mending",
}
"""Why a region has no vote that counts (`policy.verdict.Decision`)."""


def reason(code: str) -> str:
    """Return a reason's code in words. Also of a code that this version does not know."""
    return reason_words.told(shown(code, 60))


def warning(code: str) -> str:
    """Return the sentence for a warning's code."""
    return SENTENCES.get(code) or shown(code, 60).replace("_", " ")


def missed(cause: str, stride: int = 1) -> str:
    """Return why slots were missed. Those of a stride were left out, because the region cannot keep up."""
    return _MISSED.get(cause, cause) if stride == 1 else f"the region is sent {share(stride)}"


def share(stride: int) -> str:
    """Return which of its checks a region is sent."""
    return f"every {stride}{'nd' if stride == 2 else 'th'} check" if stride > 1 else "every check"


def shown(text: object, limit: int) -> str:
    """Return text from outside as one clean line of at most `limit` characters; empty for what is not text."""
    return clean_text(text, limit) if isinstance(text, str) else ""


def short_digest(digest: str | None) -> str:
    """Return `sha256:0123456789ab…`: enough to tell two apart."""
    algorithm, colon, encoded = shown(digest, 140).partition(":")
    return f"{algorithm}{colon}{encoded[:12]}…" if len(encoded) > 12 else f"{algorithm}{colon}{encoded}"


def span(seconds: float) -> str:
    """Return a span of time in its largest unit (`policy.spans`); no break within."""
    return spans.span(seconds, space=_NO_BREAK)


def every(seconds: int) -> str:
    """Return an interval exactly: `every 5 min`, `every 90 s`."""
    return f"every {spans.exact(seconds)}"


def ago(then: datetime, now: datetime) -> Told:
    """Return `18 s ago`. What lies ahead by a clock that differs is `just now`."""
    seconds = (now - then).total_seconds()
    return Told.time(then, "ago", "just now" if seconds < 1 else f"{span(seconds)} ago")


def ahead(then: datetime, now: datetime) -> Told:
    """Return `in 4 min`, or `now` for what is due."""
    seconds = (then - now).total_seconds()
    return Told.time(then, "ahead", "now" if seconds < 1 else f"in {span(seconds)}")


def clock(then: datetime, now: datetime) -> Told:
    """Return the time of day in UTC, with the date unless it is today's, with the year unless it is near."""
    then = then.astimezone(UTC)
    is_near = abs(now - then) < _NEAR
    said = f"{_date(then, now)}{_time(then)}" if is_near else f"{then.day} {then:%b %Y}"
    return Told.time(then, "clock", said)


def between(start: datetime, end: datetime, now: datetime) -> Told:
    """Return `26 Nov 02:08 to 05:08`, in UTC: the end has its date, today's too, unless it is that of the start."""
    end = end.astimezone(UTC)
    is_near = abs(now - end) < _NEAR
    date = "" if start.astimezone(UTC).date() == end.date() else f"{end.day} {end:%b} "
    said = f"{date}{_time(end)}" if is_near or not date else f"{end.day} {end:%b %Y}"
    return Told.of("{} to {}", clock(start, now), Told.time(end, "end", said, began=start))


def moment(then: datetime, now: datetime) -> Told:
    """Return the time of day in UTC to the second, with the date unless it is today's."""
    then = then.astimezone(UTC)
    return Told.time(then, "moment", f"{_date(then, now)}{_time(then)}:{then.second:02}")


def day(then: datetime, now: datetime) -> Told:
    """Return the date in UTC, with the year unless it is this one."""
    then = then.astimezone(UTC)
    said = f"{then.day} {then:%b}" if then.year == now.astimezone(UTC).year else f"{then.day} {then:%b %Y}"
    return Told.time(then, "day", said)


def since(then: datetime, now: datetime) -> Told:
    """Return `since 14:02 (3 h)`, in UTC."""
    held = Told.time(then, "span", span((now - then).total_seconds()))
    return Told.of("since {} ({})", clock(then, now), held)


def milliseconds(value: float) -> str:
    """Return a duration for reading: `0.4 ms`, `38 ms`, `1.24 s`."""
    if value >= 1000:
        return f"{value / 1000:.2f} s"
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def seconds(value: float) -> str:
    """Return a duration in seconds for reading: `0.4 s`, `38 s`."""
    return f"{value:.0f} s" if value >= 10 else f"{value:.1f} s"


def offset(value: float | None, uncertainty: float | None) -> str:
    """Return how far a clock is off, in seconds; empty where that is not known."""
    if value is None:
        return ""
    if abs(value) < _LEAST_OFFSET_SECONDS:
        if uncertainty is None:
            return "as ours, as far as is known"
        return f"as ours, give or take {seconds(uncertainty)}" if uncertainty >= _LEAST_OFFSET_SECONDS else "as ours"
    way = "ahead" if value >= 0 else "behind"
    if uncertainty is None:
        return f"at least {seconds(value)} ahead" if value >= 0 else f"at most {seconds(-value)} behind"
    return f"{seconds(abs(value))} {way}, give or take {seconds(uncertainty)}"


def percent(part: int, whole: int) -> str:
    """Return a share for reading, rounded down: what was not wholly up is never `100 %`. `whole` is not zero."""
    thousandths = part * 100_000 // whole
    if part and not thousandths:
        return "under 0.001 %"
    return f"{thousandths / 1000:.3f}".rstrip("0").rstrip(".") + " %"


def amount(seconds: float) -> str:
    """Return a span of time in its two largest units (`policy.spans`); a break between them alone."""
    return spans.amount(seconds, space=_NO_BREAK)


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return `1 image`, `3 images`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def listed(items: list[str]) -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(items[:-1]), items[-1]))) if items else ""


def _date(then: datetime, now: datetime) -> str:
    return "" if then.date() == now.astimezone(UTC).date() else f"{then.day} {then:%b} "


def _time(then: datetime) -> str:
    return f"{then.hour:02}:{then.minute:02}"  # which takes a quarter of the time of `%H:%M`
