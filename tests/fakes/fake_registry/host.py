"""One host of the world: an address of its own, a certificate, a trade, and what it is told to do."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

import trustme

from probes.protocol.urls import origin_of
from tests.fakes.dialogue import Amends, Says
from tests.fakes.fake_registry.answers import Answer, Misbehaviour, Turn, amended, to_bytes
from tests.fakes.fake_registry.certificates import Certificate, context_for
from tests.fakes.fake_registry.request import Request, read_request
from tests.fakes.fake_registry.tape import Tape, breaches
from tests.fakes.peer import Peer, Script, Visit, peer_that

_END_OF_HEAD: Final = b"\r\n\r\n"


class Trade(Protocol):
    """What a host does for a living."""

    def place(self, request: Request) -> str:
        """Return what the log calls the place that is asked for."""
        ...

    def answer(self, request: Request) -> Says | None:
        """Return the right answer; None where nothing should ever have been asked."""
        ...


class Nothing:
    """The trade of a stranger: whoever asks him without a script has gone astray."""

    def place(self, request: Request) -> str:
        return request.path

    def answer(self, request: Request) -> Says | None:
        del request
        return None


class Host:
    """A server of the world.

    `once` and `always` script the answers to a line, which is method and place as in the log. `greeting` takes a
    connection over before anything is read from it. `takes_logins` says whether an Authorization may come here.
    """

    def __init__(self, role: str, name: str, address: str, tape: Tape) -> None:
        self.role = role
        self.name = name
        self.address = address
        self.trade: Trade = Nothing()
        self.takes_logins = False
        self.greeting: Script | None = None
        self.tape = tape
        self.certificate = Certificate.GOOD  # NONE has to be chosen before the start
        self._contexts: dict[Certificate, ssl.SSLContext] = {}
        self._authority: trustme.CA | None = None
        self._peer = Peer()
        self._once: dict[str, deque[Answer]] = {}
        self._always: dict[str, Answer] = {}

    @property
    def netloc(self) -> str:
        return f"{self.name}:{self._peer.port}"

    @property
    def origin(self) -> str:
        scheme = "http" if self.certificate is Certificate.NONE else "https"
        return str(origin_of(f"{scheme}://{self.netloc}"))

    @property
    def connections(self) -> int:
        """How many connections were made to it so far."""
        return self._peer.visits

    @property
    def open_connections(self) -> int:
        return self._peer.open

    @property
    def greeted(self) -> list[bytes]:
        """What the greeting noted of its connections."""
        return self._peer.requests

    @property
    def requests(self) -> list[Request]:
        return [request for request in self.tape.requests if request.host == self.role]

    def asked(self, line: str) -> list[Request]:
        """Return the requests of this line of the log, which is given without the role."""
        wanted = f"{self.role}: {line}"
        return [asked for asked, logged in zip(self.tape.requests, self.tape.lines, strict=True) if logged == wanted]

    def once(self, line: str, *answers: Answer) -> None:
        """Give these answers in turn; then behave again."""
        self._once.setdefault(line, deque()).extend(answers)

    def always(self, line: str, answer: Answer) -> None:
        self._always[line] = answer

    @property
    def unplayed(self) -> list[str]:
        return [f"{self.role}: {line}" for line, answers in self._once.items() if answers]

    @asynccontextmanager
    async def running(self, authority: trustme.CA) -> AsyncIterator[None]:
        self._authority = authority
        context = None
        if self.certificate is not Certificate.NONE and self.greeting is None:
            context = context_for(Certificate.GOOD, self.name, authority)
            context.sni_callback = self._choose
            self._contexts[Certificate.GOOD] = context
        async with peer_that(self._serve, context, self.address) as self._peer:
            yield

    def _choose(self, secured: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: object) -> None:
        if name != self.name:
            self.tape.trouble(f"{self.role}: TLS for {name}")
        kind = self.certificate
        if kind not in self._contexts and self._authority:
            self._contexts[kind] = context_for(kind, self.name, self._authority)
        secured.context = self._contexts[kind]

    async def _serve(self, visit: Visit) -> None:
        try:
            if self.greeting is not None:
                await self.greeting(visit)
                return
            while await self._attend(visit, await visit.reader.readuntil(_END_OF_HEAD)):
                await visit.writer.drain()
        except asyncio.LimitOverrunError:
            self.tape.trouble(f"{self.role}: a head without end")

    async def _attend(self, visit: Visit, head: bytes) -> bool:
        secured = visit.writer.get_extra_info("ssl_object")
        try:
            request = read_request(
                head,
                host=self.role,
                connection=visit.number,
                resumed=None if secured is None else secured.session_reused,
            )
            if length := int(request.headers.get("content-length", "0")):
                request = request.with_body(await visit.reader.readexactly(length))
            return await self._answer(visit, request)
        except ValueError as error:
            self.tape.trouble(f"{self.role}: {error!r} over {head[:200]!r}")
            return False

    async def _answer(self, visit: Visit, request: Request) -> bool:
        line = f"{request.method} {self.trade.place(request)}"
        self.tape.note(request, f"{self.role}: {line}{request.shown_login}")
        for breach in breaches(request, netloc=self.netloc, takes_logins=self.takes_logins):
            self.tape.trouble(f"{self.role}: {line}: {breach}")
        queued = self._once.get(line)
        scripted = queued.popleft() if queued else self._always.get(line) or self._always.get(f"{request.method} *")
        if isinstance(scripted, Says):
            visit.send(to_bytes(scripted, request.method))
            return True
        right = self.trade.answer(request)
        if right is None and not isinstance(scripted, Amends) and scripted is not None:
            right = Says(404)  # a script needs no right answer
        if right is None:
            self.tape.trouble(f"{self.role}: nothing provides for {line}")
            return False
        if isinstance(scripted, Amends):
            visit.send(to_bytes(amended(right, scripted), request.method))
            return True
        if scripted is not None:
            return await _misbehave(scripted, Turn(visit, request, right))
        visit.send(to_bytes(right, request.method))
        return True


async def _misbehave(scripted: Misbehaviour, turn: Turn) -> bool:
    return await scripted(turn)
