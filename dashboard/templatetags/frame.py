"""What the frame of every page is made of."""

from collections.abc import Sequence
from typing import Any

from django import template
from django.utils import timezone

from dashboard.navigation import Entry, entries
from dashboard.theme import Theme, theme_of

register = template.Library()


@register.simple_tag(takes_context=True)
def navigation(context: Any) -> Sequence[Entry]:
    """Return the ways to the other pages. A page that failed before its address was understood is none of them."""
    match = getattr(context.get("request"), "resolver_match", None)
    return entries((match.url_name or "") if match and match.app_name == "dashboard" else "")


@register.simple_tag(takes_context=True)
def theme(context: Any) -> Theme:
    """Return how the page is to look."""
    return theme_of(context.get("request"))


@register.simple_tag
def themes() -> Sequence[Theme]:
    """Return what there is to choose."""
    return tuple(Theme)


@register.simple_tag
def instant() -> str:
    """Return this instant, by which a script finds how far the clock of whoever looks is off."""
    return f"{timezone.now():%Y-%m-%dT%H:%M:%S}Z"
