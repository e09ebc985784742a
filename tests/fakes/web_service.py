"""A web service on loopback, a script for `peer_that`: pages by path, and all that was asked of it."""

import asyncio
import re
from dataclasses import dataclass, field

from tests.fakes.peer import Visit

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)\r\n")


@dataclass(frozen=True)
class Page:
    """What is answered, after `wait_seconds`.

    `says_length` False leaves the body's end to the connection's; `breaks_off` ends that before its time, and
    `never_ends` sends for as long as anybody listens.
    """

    status: int = 200
    body: bytes = b""
    headers: tuple[str, ...] = ()
    wait_seconds: float = 0.0
    says_length: bool = True
    breaks_off: bool = False
    never_ends: bool = False


@dataclass(frozen=True)
class Asked:
    """A request as it came. `headers` by lower-case names."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebService:
    """`pages` by path, query included; of several pages each is shown once, and the last for ever."""

    pages: dict[str, list[Page]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def at(self, path: str, *pages: Page) -> None:
        self.pages[path] = list(pages)

    async def __call__(self, visit: Visit) -> None:
        while True:
            asked = await self._read(visit)
            self.asked.append(asked)
            method, target, _ = asked.line.split(" ")
            pages = self.pages[target]
            page = pages.pop(0) if len(pages) > 1 else pages[0]
            await asyncio.sleep(page.wait_seconds)
            is_bodiless = method == "HEAD"
            visit.send(_head(page), b"" if is_bodiless else page.body)
            if page.never_ends:
                await self._go_on(visit)
            if page.breaks_off or not page.says_length:
                return

    @staticmethod
    async def _read(visit: Visit) -> Asked:
        head = await visit.request()
        match = _LENGTH.search(head)
        body = await visit.reader.readexactly(int(match[1])) if match else b""
        line, *fields = head.decode("latin-1").strip().split("\r\n")
        pairs = (item.partition(":") for item in fields)
        return Asked(line, {name.lower(): value.strip() for name, _, value in pairs}, body)

    @staticmethod
    async def _go_on(visit: Visit) -> None:
        """Send for as long as anybody listens."""
        while not visit.writer.is_closing():
            visit.send(b"x" * 16_384)
            await visit.writer.drain()
            await asyncio.sleep(0)


def _head(page: Page) -> bytes:
    length = len(page.body) + (1000 if page.breaks_off else 0)
    lines = [f"HTTP/1.1 {page.status} It is so"]
    if page.says_length and not page.never_ends:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, *page.headers, "", ""]).encode("latin-1")
