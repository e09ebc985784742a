"""What must not be shown, taken out of what is about to be shown.

Source: behaviour row T35, security items S19 and S20. A registry may echo what we sent it: into an error text, or
into a redirect's path. Allow-lists (`urls.redact`) come first; this is the net below them. What anybody reads back
at once is caught: percent-encoding, base64, escapes; a cipher of the registry's own is not.
"""

import base64
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import quote_plus, unquote, unquote_plus

HIDDEN: Final = "…"
WITHHELD: Final = "(withheld: it repeats a secret)"
_TELLING: Final = 6  # a shorter secret shows through its own replacement, so the whole text goes


def echoes(secret: str) -> tuple[str, ...]:
    """Return the forms in which what we sent may come back: as it is, cleaned to one line, or encoded for a form."""
    spaced = (" " if letter.isspace() else letter for letter in secret)
    cleaned = "".join(letter for letter in spaced if unicodedata.category(letter)[0] != "C")
    return tuple(dict.fromkeys((secret, " ".join(cleaned.split()), quote_plus(secret)))) if secret else ()


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without any of `secrets`, nor a beginning of one that a cut has left at its end.

    Where a secret shows only once the text is decoded, nothing is left of the text.
    """
    secrets = tuple(filter(None, secrets))
    if not _may_repeat(text, secrets):
        return text
    for secret in secrets:
        if secret in text:
            if len(secret) < _TELLING:
                return WITHHELD
            text = text.replace(secret, HIDDEN)
        shown = text.rstrip(HIDDEN)
        start = _beginning(shown, secret)
        if start >= 0:
            text = shown[:start] + HIDDEN
    telling = [secret for secret in secrets if len(secret) >= _TELLING]
    if any(_repeats(view, secret) for view in _decoded(text) for secret in telling):
        return WITHHELD
    if any(letters in text for secret in telling for letters in _in_base64(secret[:_TELLING])):
        return WITHHELD
    return text


def scrub_url(url: str, secrets: tuple[str, ...]) -> str:
    """Return `url` without any of `secrets`, or nothing of it when it holds one in percent-encoding."""
    shown = scrub(url, secrets)
    if "%" not in shown:
        return shown
    plain = unquote(shown)
    return WITHHELD if any(secret and secret in plain for secret in secrets) else shown


def scrub_host(host: str, secrets: Iterable[str]) -> str:
    """Return `host`, or nothing of it when a redirect has put a secret into it; a syllable of a name is none."""
    for secret in secrets:
        if secret[:_TELLING].lower() in host and len(secret) >= _TELLING and _repeats(host, secret.lower()):
            return WITHHELD
    return host


def _may_repeat(text: str, secrets: Iterable[str]) -> bool:
    """Tell whether `text` needs a closer look. Hardly any does, and every text that is shown is asked about."""
    if "%" in text or "\\" in text:
        return True
    for secret in secrets:
        beginning = secret[:_TELLING]
        if beginning in text:
            return True
        for letters in _in_base64(beginning):
            if letters in text:
                return True
    return False


def _beginning(text: str, secret: str) -> int:
    """Return where a telling beginning of `secret` runs to the end of `text`, or -1."""
    start = text.find(secret[:_TELLING])
    while start >= 0 and not secret.startswith(text[start:]):
        start = text.find(secret[:_TELLING], start + 1)
    return start


def _repeats(view: str, secret: str) -> bool:
    return secret in view or _beginning(view.rstrip(HIDDEN), secret) >= 0


def _decoded(text: str) -> Iterator[str]:
    """Yield `text` as it reads once its encodings are undone."""
    if "%" in text:
        yield unquote(text)
        yield unquote_plus(text)
    if "\\" in text:
        yield text.encode("ascii", "backslashreplace").decode("unicode_escape", "ignore")


@lru_cache(maxsize=1024)
def _in_base64(beginning: str) -> tuple[str, ...]:
    """Return how a secret's first six bytes read within base64, wherever in a group of three they stand."""
    first = beginning.encode()[:6]
    return tuple(
        {
            encode(bytes(before) + first)[start:end].decode()
            for encode in (base64.b64encode, base64.urlsafe_b64encode)
            for before, start, end in ((0, 0, 8), (1, 2, 9), (2, 3, 10))
        }
    )
