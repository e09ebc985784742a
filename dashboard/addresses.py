"""Addresses of pages. PURE."""

from typing import Any

from django.utils.http import urlencode


def with_query(url: str, **query: Any) -> str:
    """Return the URL with what of the query says something."""
    said = {name: value for name, value in query.items() if value and (name, value) != ("page", 1)}
    return f"{url}?{urlencode(said)}" if said else url
