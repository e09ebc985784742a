"""The WWW-Authenticate grammar: which logins a registry offers, and with which parameters.

Source: RFC 9110, section 11; behaviour rows C2 to C12. Headers from the wild hold several challenges in one
line, commas inside quotes, parameters in any case and values that should have been quoted; all are read here,
in one pass over the text and without ever splitting at commas.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MAX_CHALLENGES: Final = 16
_TOKEN: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_TOKEN68: Final = frozenset("-._~+/0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SPACE: Final = " \t"


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
    for line in lines:
        found.extend(_Scanner(line).challenges())
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
            self.skip(_SPACE + ",")
            word = self.take(_TOKEN)
            if not word:
                if self.at >= len(self.text):
                    break
                self.at += 1  # a stray character; what follows may still be readable
                continue
            before_space = self.at
            self.skip(_SPACE)
            if scheme and self.peek() == "=":
                self.at += 1
                self.skip(_SPACE)
                parameters.setdefault(word.lower(), self.value())
                continue
            if scheme:
                found.append(Challenge(scheme, tuple(parameters.items())))
            scheme, parameters = word.lower(), {}
            if self.at > before_space:
                self.skip_token68()
        if scheme:
            found.append(Challenge(scheme, tuple(parameters.items())))
        return found

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def skip(self, letters: str) -> None:
        while self.at < len(self.text) and self.text[self.at] in letters:
            self.at += 1

    def take(self, letters: frozenset[str]) -> str:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] in letters:
            self.at += 1
        return self.text[start : self.at]

    def value(self) -> str:
        """Read a quoted string, or a bare value up to the next comma or space."""
        if self.peek() != '"':
            start = self.at
            while self.at < len(self.text) and self.text[self.at] not in ", \t":
                self.at += 1
            return self.text[start : self.at]
        self.at += 1
        letters: list[str] = []
        while self.at < len(self.text):
            letter = self.text[self.at]
            self.at += 1
            if letter == '"':
                break
            if letter == "\\" and self.at < len(self.text):
                letter = self.text[self.at]
                self.at += 1
            letters.append(letter)
        return "".join(letters)

    def skip_token68(self) -> None:
        """Pass over `Scheme token68`, which carries no parameters (row C11); leave anything else alone."""
        start = self.at
        self.take(_TOKEN68)
        self.skip("=")
        end = self.at
        self.skip(_SPACE)
        is_whole_element = end > start and self.peek() in ("", ",")
        if not is_whole_element:
            self.at = start
