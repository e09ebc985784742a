"""The WWW-Authenticate grammar: which logins a registry offers, and with which parameters.

Source: RFC 9110, section 11; behaviour rows C2 to C12. Headers from the wild hold several challenges in one
line, commas inside quotes, parameters in any case and values that should have been quoted; all are read here,
in one pass over the text and without ever splitting at commas.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final, cast

MAX_CHALLENGES: Final = 16
MAX_LINE: Final = 8192  # of one header line is read; what real registries send is a tenth of it
_WORD: Final = re.compile(r"[ \t,]*([!#$%&'*+\-.^_`|~0-9A-Za-z]*)[ \t]*")
_TOKEN68: Final = re.compile(r"[\-._~+/0-9A-Za-z]*=*")
_SPACE: Final = re.compile(r"[ \t]*")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"?')
_BARE: Final = re.compile(r"[^, \t]*")
_ESCAPED: Final = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One offered login: the scheme and the parameter names in lower case, values as sent, first one wins."""

    scheme: str
    parameters: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """Return the value of the parameter `name` (lower case), or the empty string."""
        return next((value for known, value in self.parameters if known == name), "")


def parse_challenges(lines: Iterable[str]) -> tuple[Challenge, ...]:
    """Return the challenges of all WWW-Authenticate lines, in order, at most `MAX_CHALLENGES`. Never raises."""
    found: list[Challenge] = []
    for line in islice(lines, MAX_CHALLENGES):
        found.extend(_Scanner(line[:MAX_LINE]).challenges())
    return tuple(found[:MAX_CHALLENGES])


class _Scanner:
    """A cursor over one header line."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def challenges(self) -> list[Challenge]:
        found: list[Challenge] = []
        scheme = ""
        parameters: dict[str, str] = {}
        while True:
            word = self.word()
            if not word:
                if self.at >= len(self.text):
                    break
                self.at += 1  # a stray character; what follows may still be readable
                continue
            if scheme and self.peek() == "=":
                self.at += 1
                self.take(_SPACE)
                parameters.setdefault(word.lower(), self.value())
                continue
            if scheme:
                found.append(Challenge(scheme, tuple(parameters.items())))
            scheme, parameters = word.lower(), {}
            self.skip_token68()
        if scheme:
            found.append(Challenge(scheme, tuple(parameters.items())))
        return found

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def word(self) -> str:
        """Move past the gap here, the token after it and the space behind that; return the token, empty for none."""
        found = cast("re.Match[str]", _WORD.match(self.text, self.at))
        self.at = found.end()
        return found[1]

    def take(self, pattern: re.Pattern[str]) -> str:
        """Move past what `pattern` matches here, and return it; all of them match nothing as well."""
        start, self.at = self.at, cast("re.Match[str]", pattern.match(self.text, self.at)).end()
        return self.text[start : self.at]

    def value(self) -> str:
        """Read a quoted string, or a bare value up to the next comma or space."""
        quoted = _QUOTED.match(self.text, self.at)
        if quoted is None:
            return self.take(_BARE)
        self.at = quoted.end()
        return _ESCAPED.sub(r"\1", quoted[1])

    def skip_token68(self) -> None:
        """Pass over `Scheme token68`, which carries no parameters (row C11); leave anything else alone."""
        start = self.at
        has_token68 = bool(self.take(_TOKEN68))
        self.take(_SPACE)
        if not (has_token68 and self.peek() in ("", ",")):
            self.at = start
