"""What may leave the house: text without secrets, tokens and private addresses, and an account of what was left out.

PURE. Outcomes hold no secret to begin with (`protocol.redaction`): this is the last net, below which is a stranger.
It goes by how a secret looks and not by what it is, and so would rather take too much.
"""

import re
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from dashboard import words
from probes.protocol.addresses import Why, admit
from probes.protocol.urls import redact

HIDDEN_ADDRESS: Final = "[private address]"
HIDDEN_SECRET: Final = "[withheld]"  # noqa: S105 - what stands in place of one

_URL: Final = re.compile(r"https?://[^\s\"'<>]+")
_USER_INFO: Final = re.compile(r"(//)[^/?#@\s]+@")
_NOT_TAKEN: Final = r"(?!\[withheld)"
_LOGIN_NAMES: Final = r"passw(?:or)?d|pwd|secret|api[_-]?key|access[_-]?key|authorization"
_TOKEN: Final = r"(?=\S*[\d=])[A-Za-z0-9+/=._~-]{6,}|[A-Za-z+/._~-]{20,}"  # noqa: S105 - how one looks
_SECRETS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?i)\b((?:bearer|basic|negotiate)\s+){_NOT_TAKEN}(?:{_TOKEN})",
        rf"(?i)((?:{_LOGIN_NAMES})[\"']?\s*[=:]\s*[\"']?){_NOT_TAKEN}[^\s\"'&,;]{{3,}}",
        rf"(?i)((?:token|signature|cookie|\bsig)[\"']?=[\"']?){_NOT_TAKEN}[^\s\"'&,;]{{3,}}",
        rf"(?i)((?:token|signature|cookie|session)[\"']?\s*:\s*[\"']?){_NOT_TAKEN}[^\s\"'&,;]{{12,}}",
        r"()\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?",  # a JWT
        r"()\b(?:kairos|ghp|gho|ghs|ghu|github_pat|glpat|dckr_pat|dckr_oat|xox[abp]|AKIA|ASIA)[_-]?[A-Za-z0-9_-]{12,}",
        r"()-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
    )
)
_ADDRESS: Final = re.compile(
    r"(?<![\w:.])[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:]*(?:\.\d{1,3}){0,3}(?!\w)"
    r"|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)"
)


class Taken(StrEnum):
    """What was left out, in words that follow on a number."""

    ADDRESS = "private address"
    SECRET = "text that looks like a secret"  # noqa: S105 - its name
    QUERY = "value in a URL's query"


class Redactor:
    """Cleans text for one bundle, and counts what it takes out."""

    def __init__(self, *, keeps_addresses: bool) -> None:
        self.keeps_addresses = keeps_addresses
        self.taken: Counter[Taken] = Counter()

    def text(self, value: object, limit: int = 1000) -> str:
        """Return text as it may leave: one clean line of at most `limit` characters, without what must stay."""
        said = _URL.sub(self._url, words.shown(value, limit))
        for pattern in _SECRETS:
            said = pattern.sub(self._replacing(Taken.SECRET, lambda match: f"{match[1]}{HIDDEN_SECRET}"), said)
        return said if self.keeps_addresses else _ADDRESS.sub(self._address, said)

    def _url(self, match: re.Match[str]) -> str:
        url = match[0]
        bare = _USER_INFO.sub(
            self._replacing(Taken.SECRET, lambda found: f"{found[1]}{HIDDEN_SECRET}@"), url, count=1
        )
        shown = redact(bare)
        if shown != bare:
            self.taken[Taken.QUERY] += 1
        return shown

    def _address(self, match: re.Match[str]) -> str:
        found = match[0].rstrip(":") if not match[0].endswith("::") else match[0]
        if not _is_private(found):
            return match[0]
        self.taken[Taken.ADDRESS] += 1
        return HIDDEN_ADDRESS + match[0][len(found) :]

    def _replacing(self, what: Taken, by: Callable[[re.Match[str]], str]) -> Callable[[re.Match[str]], str]:
        def replaced(match: re.Match[str]) -> str:
            self.taken[what] += 1
            return by(match)

        return replaced


def _is_private(text: str) -> bool:
    try:
        return admit(text).why is not Why.PUBLIC
    except ValueError:
        return False  # no address: a time of day, a digest
