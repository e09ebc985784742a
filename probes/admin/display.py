"""How the admin shows things: states as words with a sign and a colour, instants by their age."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib import admin
from django.db.models import Model
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from probes.policy.spans import span
from probes.protocol.outcome import rfc3339

Method = Callable[[Any, Any], SafeString | str]

NOTHING: Final = "—"

# A sign as well as a colour: not everybody tells red from green.
_SIGNS: Final = {
    "available": "✓",
    "active": "✓",
    "unavailable": "✗",
    "degraded": "!",
    "config_error": "!",
    "silent": "!",
    "egress_down": "!",
    "late": "!",
    "indeterminate": "?",
    "unknown": "?",
}
_LATE_SECONDS: Final = 30


def badge(state: str, text: str = "") -> SafeString:
    """Return a state as people see it; `text` in place of its own name."""
    sign = _SIGNS.get(state, NOTHING)
    return format_html(
        '<span class="kairos-badge kairos-{}"><b>{}</b> {}</span>', state, sign, text or state.replace("_", " ")
    )


def sign(state: str, text: str, title: str) -> SafeString:
    """Return a state in the least space, one of several side by side."""
    return format_html('<span title="{}">{}</span>', title, badge(state, text))


def reason(code: str, stage: str | None, host: str | None) -> SafeString:
    """Return why a check ended as it did, and where."""
    where = " at ".join(filter(None, (stage, host)))
    if not where:
        return format_html("<code>{}</code>", code)
    return format_html('<code>{}</code> <span class="quiet">{}</span>', code, where)


def without_egress(found: SafeString) -> SafeString:
    """Return a finding with the mark of a region that reached nothing: it has no vote, or newer ones have none."""
    return format_html("{} {}", found, badge("egress_down"))


def whole(text: str) -> SafeString:
    """Return a short text that a narrow column does not break."""
    return format_html('<span class="kairos-whole">{}</span>', text)


def offset(seconds: float | None, uncertainty_seconds: float | None) -> str:
    """Return how far a clock is off: `+300.2 s ± 0.1 s`, or `at least +300.2 s` while only that is known."""
    if seconds is None:
        return NOTHING
    if uncertainty_seconds is None:
        return f"at least {seconds:+.1f} s"
    return f"{seconds:+.1f} s ± {uncertainty_seconds:.1f} s"


def age(instant: datetime, now: datetime) -> str:
    """Return `3 min ago`, or `in 3 min` for what lies ahead."""
    seconds = (now - instant).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def aged(instant: datetime | None) -> SafeString | str:
    """Return how long ago, with the exact time to be had."""
    if instant is None:
        return NOTHING
    return format_html(
        '<time class="kairos-whole" datetime="{}" title="{}">{}</time>',
        rfc3339(instant),
        stamp(instant),
        age(instant, timezone.now()),
    )


def stamped(instant: datetime | None) -> SafeString | str:
    """Return the exact time, with how long ago."""
    if instant is None:
        return NOTHING
    return format_html(
        '<time datetime="{}">{}</time> <span class="quiet">({})</span>',
        rfc3339(instant),
        stamp(instant),
        age(instant, timezone.now()),
    )


def slot(instant: datetime | None) -> SafeString | str:
    """Return the exact time in as little as a column of them needs; the whole of it is to be had."""
    if instant is None:
        return NOTHING
    words = '<time class="kairos-whole" datetime="{}" title="{}, {}">{}</time>'
    utc = instant.astimezone(UTC)
    return format_html(words, rfc3339(instant), stamp(instant), age(instant, timezone.now()), f"{utc:%d %b %H:%M:%S}")


def due(instant: datetime, now: datetime) -> str:
    """Return when something is due: `in 3 min`, `now`, or `5 min late` where the clockwork does not run."""
    seconds = (instant - now).total_seconds()
    if seconds >= 1:
        return f"in {span(seconds)}"
    return "now" if seconds > -_LATE_SECONDS else f"{span(-seconds)} late"


def stamp(instant: datetime) -> str:
    """Return `2026-11-23 14:00:00 UTC`, with milliseconds where there are any."""
    instant = instant.astimezone(UTC)
    return f"{instant:%Y-%m-%d %H:%M:%S}{f'.{instant.microsecond // 1000:03}' if instant.microsecond else ''} UTC"


def ago(name: str, description: str = "") -> Method:
    """Return a method of an admin that shows the age of an instant of each row."""
    return _method(name, description, aged)


def at(name: str, description: str = "") -> Method:
    """Return a method of an admin that shows an instant exactly."""
    return _method(name, description, stamped)


def slots(name: str, description: str = "") -> Method:
    """Return a method of an admin for a column of slots."""
    return _method(name, description or f"{name.replace('_', ' ')} (UTC)", slot)


def state(name: str, description: str = "") -> Method:
    """Return a method of an admin that shows a state."""
    return _method(name, description, badge)


def _method(name: str, description: str, show: Callable[[Any], SafeString | str]) -> Method:
    @admin.display(description=description or name.replace("_", " "), ordering=name)
    def method(_admin: object, row: Model) -> SafeString | str:
        return show(getattr(row, name))

    return method
