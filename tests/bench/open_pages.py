"""Pages that are open, as dashboard/static/dashboard/live.js and stream.js have them behave: for benchmarks.

Each has a stream, and a connection for what it fetches. All run on one event loop, in a process of their own.
"""

import asyncio
import gzip
import random
import re
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Final
from urllib.parse import quote

_ROW: Final = re.compile(rb'id="image-(\d+)"')
_PART: Final = re.compile(rb'data-live="([^"]*)"')
_ATTRIBUTES: Final = re.compile(rb'data-(topics|rows|events|position)="([^"]*)"')
_RESOURCE: Final = re.compile(r"\bresource:(\d+)")
_SELDOM_SECONDS: Final = 90.0
_SELDOM_ALONE_SECONDS: Final = 180.0
_GAP_SECONDS: Final = 2.0
_ROWS_GAP_SECONDS: Final = 6.0
_TOGETHER: Final = 6
_QUIET_SECONDS: Final = 12.0
_PROMPT_SECONDS: Final = 0.6
_SETTLED_SECONDS: Final = 2.5
_ROWS_FIRST_SECONDS: Final = 0.4
_SPREAD_SECONDS: Final = 3.0
_ROUTINE_SECONDS: Final = 8.0


@dataclass(frozen=True, slots=True)
class Opened:
    """A page that is to be opened, with which cookie, and whether more than its first part is in view."""

    path: str
    cookie: str
    sees_all: bool = True


@dataclass(slots=True)
class Fetched:
    """What a page fetched: from when to when, and which rows it shows after that.

    It is as of the telling of this `number`. `rows` are those that were fetched alone.
    """

    began: float
    ended: float
    shows: frozenset[int]
    status: int
    size: int
    number: int = 0
    rows: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A telling that a page heard at a moment, and the resources that it named; None where that is everything."""

    at: float
    number: int
    named: frozenset[int] | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one open page: what it was told, and what it fetched."""

    path: str
    tellings: Sequence[Told]
    fetched: Sequence[Fetched]


@dataclass(slots=True)
class Page:
    """One open page. `fetched` grows while it is open."""

    port: int
    opened: Opened
    fetched: list[Fetched] = field(default_factory=list)
    tellings: list[Told] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    rows: dict[int, int] = field(default_factory=dict)
    whole_at: float = 0.0
    due: asyncio.TimerHandle | None = None
    rows_due: asyncio.TimerHandle | None = None
    pair: Any = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    position: str = ""
    retry_seconds: float = 3.0
    wanted: str = ""
    settling: asyncio.TimerHandle | None = None
    tasks: set[Any] = field(default_factory=set)

    async def run(self) -> None:
        status, _, body = await self._ask(self.opened.path)
        assert status == 200, (self.opened.path, status, body[:300])
        self.parts = [url.decode().replace("&amp;", "&") for url in _PART.findall(body)]
        self._read(body)
        for url in self.parts[1:]:
            await self._fetch(url, {})
        self.position = self.attributes.get("position", "")
        # As if it had been open for long.
        self._plan(self._seldom * random.random())
        while True:
            with suppress(OSError):
                await self._listen()
            await asyncio.sleep(self.retry_seconds)

    async def _listen(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        query = f"topics={quote(self.attributes['topics'])}&since={self.position}"
        head = self._head(f"{self.attributes['events']}?{query}")
        writer.write(head.encode())
        status = await reader.readline()
        assert b" 200 " in status, status
        try:
            name, data = "", ""
            while line := await reader.readline():
                key, _, value = line.decode().strip().partition(": ")
                if key == "id":
                    self.position = value
                elif key == "event":
                    name = value
                elif key == "data":
                    data = value
                elif key == "retry":
                    self.retry_seconds = int(value) / 1000
                elif not key and name:
                    self._told(name, data)
                    name = ""
        finally:
            writer.close()

    def _told(self, name: str, data: str) -> None:
        if name == "beat":
            return
        is_all = name == "refresh" or data == "all"
        resources = None if is_all else frozenset(map(int, _RESOURCE.findall(data)))
        self.tellings.append(Told(time.monotonic(), _number(self.position), resources))
        if is_all:
            self._whole(random.uniform(0, 1))
            return
        is_counted = False
        for topic in data.split():
            kind, _, named = topic.partition(":")
            if kind == "checked":
                self._whole(_ROUTINE_SECONDS * random.uniform(1, 2))
            elif "rows" not in self.attributes:
                self._whole(random.uniform(0, 0.3))
            elif kind != "resource":
                is_counted = True
            elif int(named) in self._shown:
                self.rows[int(named)] = _number(self.position)
        if is_counted:
            self._together()
        if self.rows and self.rows_due is None:
            loop = asyncio.get_running_loop()
            self.rows_due = loop.call_later(random.uniform(0, 0.3), self._start, self._fetch_rows)

    @property
    def _shown(self) -> frozenset[int]:
        return self.fetched[-1].shows if self.fetched else frozenset()

    @property
    def _seldom(self) -> float:
        return _SELDOM_SECONDS if "rows" in self.attributes else _SELDOM_ALONE_SECONDS

    def _together(self) -> None:
        if self.settling is not None:
            self.settling.cancel()
        if time.monotonic() - self.whole_at > _QUIET_SECONDS:
            self._joint(random.uniform(0, _PROMPT_SECONDS))
        elif _number(self.position) % _TOGETHER == 0:
            self._joint(_ROWS_FIRST_SECONDS + random.uniform(0, _SPREAD_SECONDS))
        else:
            self.settling = asyncio.get_running_loop().call_later(_SETTLED_SECONDS, self._settled)

    def _settled(self) -> None:
        self._joint(
            max(0.0, self.whole_at + _ROWS_GAP_SECONDS - time.monotonic()) + random.uniform(0, _SPREAD_SECONDS)
        )

    def _joint(self, wait: float) -> None:
        self.wanted = self.position
        self._plan(wait)

    def _whole(self, wait: float) -> None:
        self.wanted = ""
        gap = _ROWS_GAP_SECONDS if "rows" in self.attributes else _GAP_SECONDS
        self._plan(max(0.0, self.whole_at + gap - time.monotonic()) + wait)

    def _plan(self, wait: float) -> None:
        loop = asyncio.get_running_loop()
        if self.due is not None:
            if self.due.when() <= loop.time() + wait:
                return
            self.due.cancel()
        self.due = loop.call_later(max(0.0, wait), self._start, self._fetch_whole)

    def _start(self, what: Any) -> None:
        task = asyncio.get_running_loop().create_task(what())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _fetch_whole(self) -> None:
        self.due, self.whole_at = None, time.monotonic()
        since, self.wanted = self.wanted or self.position, ""
        if since == self.position:
            self.rows.clear()
        for url in self.parts if self.opened.sees_all else self.parts[:1]:
            await self._fetch(url, {"Kairos-Live": since})
        self._plan(self._seldom * random.uniform(0.75, 1.25))

    async def _fetch(self, url: str, headers: dict[str, str]) -> None:
        known = {"If-None-Match": self.tags[url]} if self.tags.get(url) else {}
        began = time.monotonic()
        status, answered, body = await self._ask(url, headers | known)
        number = _number(answered.get("kairos-live") or headers.get("Kairos-Live", ""))
        if status == 200:
            self.tags[url] = answered.get("etag", "")
            self._read(body)
        shows = frozenset(map(int, _ROW.findall(body))) if status == 200 else self._shown
        self.rows = {pk: told for pk, told in self.rows.items() if told > number}
        self.fetched.append(Fetched(began, time.monotonic(), shows, status, len(body), number))

    async def _fetch_rows(self) -> None:
        self.rows_due = None
        asked = sorted(self.rows)
        self.rows.clear()
        if not asked:
            return
        url = self.attributes["rows"]
        began = time.monotonic()
        url = f"{url}{'&' if '?' in url else '?'}ids={','.join(map(str, asked))}"
        since = self.position
        status, answered, body = await self._ask(url, {"Kairos-Live": since})
        number = _number(answered.get("kairos-live") or since)
        self.tags.clear()
        rows = frozenset(map(int, _ROW.findall(body)))
        self.fetched.append(Fetched(began, time.monotonic(), self._shown, status, len(body), number, rows))

    def _read(self, body: bytes) -> None:
        found = {name.decode(): value.decode().replace("&amp;", "&") for name, value in _ATTRIBUTES.findall(body)}
        self.attributes |= found
        if not self.fetched:
            shows = frozenset(map(int, _ROW.findall(body)))
            self.fetched.append(Fetched(0.0, 0.0, shows, 200, len(body)))

    def _head(self, path: str, headers: dict[str, str] | None = None) -> str:
        sent = {"Host": "127.0.0.1", "Cookie": self.opened.cookie, "Accept-Encoding": "gzip", **(headers or {})}
        return f"GET {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in sent.items()) + "\r\n"

    async def _ask(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body; over a connection that is kept, as browsers do."""
        async with self.lock:
            for _ in range(2):
                try:
                    if self.pair is None:
                        self.pair = await asyncio.open_connection("127.0.0.1", self.port)
                    self.pair[1].write(self._head(path, headers).encode())
                    return await self._answer(self.pair[0])
                except (OSError, EOFError, IndexError):  # it was kept for too long
                    self._drop()
        raise OSError("no answer")

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
        status = int((await reader.readline()).split()[1])
        headers = {}
        while line := (await reader.readline()).strip():
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            self._drop()
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        return status, headers, body

    def _drop(self) -> None:
        if self.pair is not None:
            self.pair[1].close()
        self.pair = None


def _number(position: str) -> int:
    return int(position.rpartition("-")[2] or 0)


def keep_open(port: int, opened: Sequence[Opened], pipe: Connection) -> None:
    """Open the pages one by one, say so, and keep them until told; then send back what each of them fetched."""
    asyncio.run(_keep_open([Page(port, one) for one in opened], pipe))


async def _keep_open(pages: Iterable[Page], pipe: Connection) -> None:
    pages = list(pages)
    tasks = []
    for page in pages:
        tasks.append(asyncio.create_task(page.run()))
        while not page.fetched:
            if tasks[-1].done():
                tasks[-1].result()
            await asyncio.sleep(0.01)
    pipe.send("open")
    while not pipe.poll():
        await asyncio.sleep(0.1)
        for task in tasks:
            if task.done():
                task.result()
    for task in tasks:
        task.cancel()
    pipe.send([Seen(page.opened.path, page.tellings, page.fetched) for page in pages])
