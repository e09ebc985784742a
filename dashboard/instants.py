"""Text with times in it: in UTC as text, and in a page with each time in an element that a script tells where one is.

PURE. `str(told)` and whatever is made of it by `f"…"` is plain text in UTC: whoever composes it with other words says
so, or uses `Told.of`, which keeps the elements.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from html import escape
from typing import Self

from django.utils.html import format_html
from django.utils.safestring import SafeString


class Told(str):
    """A text whose times are elements where a template or `format_html` writes it. Not for attributes.

    The elements are made when they are asked for: of most texts of a large page only the words are shown.
    """

    __slots__ = ("_make",)
    _make: Callable[[], SafeString]

    @classmethod
    def time(cls, then: datetime, form: str, said: str, *, began: datetime | None = None) -> Self:
        """Return one time, said in UTC. The forms are those of `times.js`; an `end` is that of what `began`."""
        told = cls(said)
        told._make = partial(element, then, form, said, began=began)
        return told

    @classmethod
    def of(cls, pattern: str, *parts: str) -> Self:
        """Return parts in a pattern of ours (`"until {}"`), with the times that are in them."""
        told = cls(pattern.format(*parts))
        told._make = partial(format_html, pattern, *parts)
        return told

    def __html__(self) -> SafeString:
        return self._make()


def element(then: datetime, form: str, said: str, *, began: datetime | None = None) -> SafeString:
    """Return `<time datetime="…Z" data-time="FORM" title="… UTC">said</time>`, with `data-began` of an end."""
    then = then.astimezone(UTC)
    began_at = f' data-began="{written(began)}"' if began else ""
    # There are dozens on a page: this takes a fifth of the time of `format_html`.
    return SafeString(
        f'<time datetime="{written(then)}" data-time="{escape(form)}"{began_at}'
        f' title="{then.day} {then:%b %Y, %H:%M:%S} UTC">{escape(said)}</time>'
    )


def written(then: datetime) -> str:
    """Return an instant as elements have it: `2026-11-26T02:08:00Z`."""
    return f"{then.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def instant(text: str) -> datetime | None:
    """Return the instant that is written: RFC 3339, or without a zone in UTC; a date is its midnight."""
    for written in (text, text.replace(" ", "+")):  # a plus that an address has made a space of
        try:
            found = datetime.fromisoformat(written)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None
