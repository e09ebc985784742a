"""What must not be shown, taken out of what is about to be shown.

Source: behaviour row T35, security items S19 and S20. A registry may echo what we sent it: into an error text, or
into a redirect's path. Allow-lists (`urls.redact`) come first; this is the net below them.
"""

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote_plus, unquote

HIDDEN: Final = "…"
WITHHELD: Final = "(withheld: it repeats a secret)"
_TELLING: Final = 6  # a shorter secret shows through its own replacement, so the whole text goes


def echoes(secret: str) -> tuple[str, ...]:
    """Return the forms in which what we sent may come back: as it is, on one line, or encoded for a form."""
    return tuple(dict.fromkeys((secret, " ".join(secret.split()), quote_plus(secret)))) if secret else ()


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without any of `secrets`, nor a beginning of one that a cut has left at its end."""
    for secret in secrets:
        if not secret:
            continue
        if secret in text:
            if len(secret) < _TELLING:
                return WITHHELD
            text = text.replace(secret, HIDDEN)
        shown = text.rstrip(HIDDEN)
        start = shown.find(secret[:_TELLING])
        while start >= 0 and not secret.startswith(shown[start:]):
            start = shown.find(secret[:_TELLING], start + 1)
        if start >= 0:
            text = shown[:start] + HIDDEN
    return text


def scrub_url(url: str, secrets: tuple[str, ...]) -> str:
    """Return `url` without any of `secrets`, or nothing of it when it holds one in percent-encoding."""
    shown = scrub(url, secrets)
    plain = unquote(shown)
    return WITHHELD if any(secret and secret in plain for secret in secrets) else shown
