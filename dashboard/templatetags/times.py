"""Times as pages tell them: in UTC, and by `times.js` in the zone of whoever looks, where ages go on by themselves.

Each tag writes `<time datetime="…Z" data-time="FORM" title="… UTC">words</time>`. The words are right without a
script; with one they change, and the title says both. What a tag reckons from is `now` of the context, where a view
says it.
"""

from datetime import datetime
from typing import Any, Final

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard import words
from dashboard.instants import element

register = template.Library()

FORMS: Final = ("clock", "moment", "day")


@register.simple_tag(takes_context=True)
def time(context: Any, value: datetime | None, form: str = "clock") -> SafeString:
    """Write a time: `clock` to the minute, `moment` to the second, `day` the date. Empty for None.

    Raises:
        template.TemplateSyntaxError: for another form.
    """
    if form not in FORMS:
        raise template.TemplateSyntaxError(f"{form!r} is none of {', '.join(FORMS)}")
    if value is None:
        return SafeString()
    now = _now(context)
    if form == "day":
        return element(value, form, words.day(value, now))
    said = words.moment(value, now) if form == "moment" else words.clock(value, now)
    return element(value, form, f"{said} UTC")


@register.simple_tag(takes_context=True)
def ago(context: Any, value: datetime | None) -> SafeString:
    """Write how long ago something was: `3 min ago`. Empty for None."""
    return element(value, "ago", words.ago(value, _now(context))) if value else SafeString()


@register.simple_tag(takes_context=True)
def ahead(context: Any, value: datetime | None) -> SafeString:
    """Write in how long something is due: `in 3 min`. Empty for None."""
    return element(value, "ahead", words.ahead(value, _now(context))) if value else SafeString()


@register.simple_tag(takes_context=True)
def since(context: Any, value: datetime | None) -> SafeString:
    """Write since when something is so, and for how long: `since 14:02 UTC (3 h)`. Empty for None."""
    if value is None:
        return SafeString()
    held = words.span((_now(context) - value).total_seconds())
    return format_html("since {} ({})", time(context, value), element(value, "span", held))


def _now(context: Any) -> datetime:
    now = context.get("now")
    return now if isinstance(now, datetime) else timezone.now()
