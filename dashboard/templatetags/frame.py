"""What the frame of every page is made of."""

from collections.abc import Sequence
from typing import Any

from django import template

from dashboard.navigation import Entry, entries

register = template.Library()


@register.simple_tag(takes_context=True)
def navigation(context: Any) -> Sequence[Entry]:
    """Return the ways to the other pages. A page that failed before its address was understood is none of them."""
    match = getattr(context.get("request"), "resolver_match", None)
    return entries((match.url_name or "") if match and match.app_name == "dashboard" else "")
