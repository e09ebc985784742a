"""What was asked of whom, in order: a test accounts for every request, or fails.

    await world.expect("registry: HEAD 1", "registry: GET manifest", ["cdn: GET config", "cdn: GET layer1"])

A line is the host's role, the method, the place, and the login that was shown. A list within the lines is a group
that may come in any order. Whatever came beside the expected lines fails the test, however late it came; so does
conduct that no host should ever see, expected or not.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import ndiff
from typing import Final

from tests.fakes.fake_registry.request import Request

Lines = str | Sequence[str]

SETTLING_SECONDS: Final = 0.02
_OURS: Final = frozenset(
    {"host", "user-agent", "accept-encoding", "accept", "authorization", "range", "content-type", "content-length"}
)


@dataclass
class Tape:
    """Everything that the hosts of one world heard. `troubles` are breaches that no test may expect."""

    requests: list[Request] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    accounted: int = 0

    def note(self, request: Request, line: str) -> None:
        self.requests.append(request)
        self.lines.append(line)

    def trouble(self, what: str) -> None:
        self.troubles.append(what)

    async def expect(self, *expected: Lines) -> None:
        """Assert that exactly these requests came since the last call, after a moment for late ones."""
        await self.settle()
        came = self.lines[self.accounted :]
        self.accounted = len(self.lines)
        wanted = _in_order_of(came, expected)
        assert came == wanted, "\n".join(["as they came (+) against as expected (-):", *ndiff(wanted, came)])
        assert not self.troubles, self.troubles

    @staticmethod
    async def settle() -> None:
        """Give what is on its way the time to arrive."""
        await asyncio.sleep(SETTLING_SECONDS)

    def forget(self) -> None:
        """Account for everything so far and keep nothing of it: for a soak, which only counts."""
        self.requests.clear()
        self.lines.clear()
        self.accounted = 0

    def finish(self) -> None:
        assert not self.troubles, self.troubles
        late = self.lines[self.accounted :]
        assert not late, f"nobody expected: {late}"


def _in_order_of(came: list[str], expected: Sequence[Lines]) -> list[str]:
    """Return the expected lines; those of a group in the order in which they came, as far as they did."""
    ordered: list[str] = []
    for lines in expected:
        if isinstance(lines, str):
            ordered.append(lines)
            continue
        here = came[len(ordered) : len(ordered) + len(lines)]
        ordered += here if sorted(here) == sorted(lines) else sorted(lines)
    return ordered


def breaches(request: Request, *, netloc: str, takes_logins: bool) -> list[str]:
    """Return what is wrong with a request whatever it is for: rows N17, N18, B11; security items S6 to S9, S19."""
    names = [name for name, _ in request.headers]
    found = []
    if strange := set(names) - _OURS:
        found.append(f"headers not ours to send: {sorted(strange)}")
    if len(set(names)) != len(names):
        found.append(f"a header twice: {names}")
    if request.headers.get("host") != netloc:
        found.append(f"Host: {request.headers.get('host')} at {netloc}")
    if request.headers.get("accept-encoding") != "identity":
        found.append(f"Accept-Encoding: {request.headers.get('accept-encoding')}")
    if "authorization" in request.headers and not takes_logins:
        found.append(f"a login for a stranger: {request.host}")
    if request.method == "POST" and not takes_logins:
        found.append(f"a form for a stranger: {request.host}")
    if (request.method == "POST") != ("content-length" in request.headers):
        found.append("a body with something other than a form")
    if request.method not in ("GET", "HEAD", "POST"):
        found.append(f"the method {request.method}")
    return found
