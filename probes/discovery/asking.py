"""Questions to a server's API over the guarded wire, asked again where that may help. Nothing is changed there."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from probes.protocol.errors import TRANSIENT_STATUSES, clean_text, pause_seconds, read_error
from probes.protocol.exchange import Ask, Fault, FaultKind, Reply
from probes.protocol.redaction import scrub
from probes.protocol.taxonomy import Stage
from probes.protocol.urls import Origin, UrlRefused, origin_of
from probes.version import VERSION
from probes.wire.exchange import perform
from probes.wire.limits import Limits
from probes.wire.route import Route
from probes.wire.transport import GuardedTransport

USER_AGENT: Final = f"kairos-discover/{VERSION}"
LIMITS: Final = Limits(headers_seconds=30.0, body_seconds=60.0)
PAGE_BYTES: Final = 4 * 1024 * 1024
MAX_PAGES: Final = 10_000
"""Of one listing; who sends more goes in a circle, or wants to."""

_TRIES: Final = 3
_LONGEST_PAUSE_SECONDS: Final = 30.0
_SHORTEST_PAUSE_SECONDS: Final = 0.5
_WORTH_A_RETRY: Final = frozenset(
    {
        FaultKind.CONNECTION_RESET,
        FaultKind.BODY_TRUNCATED,
        FaultKind.DNS_TEMPORARY,
        FaultKind.CONNECT_TIMEOUT,
        FaultKind.TIMEOUT_HEADERS,
    }
)


class AnswerRefused(Exception):
    """A question that came to nothing; the message says why and shows no secret. `status` is 0 without an answer."""

    def __init__(self, message: str, status: int = 0, *, is_too_large: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.is_too_large = is_too_large


@asynccontextmanager
async def transport_here() -> AsyncIterator[GuardedTransport]:
    """Return a transport on the running loop, which is closed at the end."""
    transport = GuardedTransport(LIMITS, USER_AGENT)
    try:
        yield transport
    finally:
        await transport.aclose()


@dataclass(slots=True, kw_only=True)
class Asker:
    """One server, how it is reached, and until when. Belongs to one event loop."""

    transport: GuardedTransport
    route: Route
    deadline: float  # on the loop's clock
    home: Origin  # of the server; a token service may be elsewhere
    identity_pem: str = ""  # a client certificate with its key, for the server's eyes only
    page_bytes: int = PAGE_BYTES
    secrets: tuple[str, ...] = ()  # never to be shown, whatever comes back

    async def ask(self, url: str, headers: Iterable[tuple[str, str]] = ()) -> Reply:
        """Return the reply, whatever its status. Raises `AnswerRefused` where none came."""
        given = tuple(headers)
        _check(url)
        ours = () if any(name == "Accept" for name, _ in given) else (("Accept", "application/json"),)
        return await self._settled(
            Ask(
                id=0,
                method="GET",
                url=url,
                stage=Stage.CONNECT,
                headers=(*ours, *given),
                limit_bytes=self.page_bytes,
                shows_identity=origin_of(url) == self.home,
            )
        )

    async def post(self, url: str, form: bytes) -> Reply:
        """Return the reply to a form, which only a token service is sent. Raises `AnswerRefused`."""
        headers = (("Content-Type", "application/x-www-form-urlencoded"),)
        return await self._settled(Ask(id=0, method="POST", url=url, stage=Stage.TOKEN, headers=headers, body=form))

    async def _settled(self, ask: Ask) -> Reply:
        for number in range(_TRIES):
            event, _ = await perform(
                self.transport, ask, self.route, LIMITS, self.deadline, identity_pem=self.identity_pem
            )
            pause = _pause(event, number)
            if pause is None or number == _TRIES - 1 or self._seconds_left() <= pause:
                break
            await asyncio.sleep(pause)
        if isinstance(event, Fault):
            kind = event.kind.value.replace("_", " ")
            said = scrub(f"{kind}{': ' if event.detail else ''}{event.detail}", self.secrets)
            raise AnswerRefused(
                f"{origin_of(ask.url).netloc}: {said}", is_too_large=event.kind is FaultKind.BODY_TOO_LARGE
            )
        return event

    async def ask_for(self, url: str, headers: Iterable[tuple[str, str]] = ()) -> tuple[Any, Reply]:
        """Return the JSON of a reply with status 200, and the reply. Raises `AnswerRefused` for any other."""
        reply = await self.ask(url, headers)
        if reply.status != 200:
            raise self.refusal(reply)
        return read_page(reply), reply

    def refusal(self, reply: Reply) -> AnswerRefused:
        """Return what a reply that is none of use says."""
        said = scrub(clean_text(read_error(reply.body).text), self.secrets)
        return AnswerRefused(f"HTTP {reply.status}{': ' if said else ''}{said}", reply.status)

    def _seconds_left(self) -> float:
        return self.deadline - asyncio.get_running_loop().time()


def _check(url: str) -> None:
    try:
        origin_of(url)
    except UrlRefused as error:
        raise AnswerRefused(str(error)) from None


def read_page(reply: Reply) -> Any:
    """Return the JSON of a page. Raises `AnswerRefused`."""
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        raise AnswerRefused("the answer is no JSON", reply.status) from None


def _pause(event: Reply | Fault, number: int) -> float | None:
    """Return after how many seconds to ask again; None where that is of no use."""
    usual = _SHORTEST_PAUSE_SECONDS * 2**number
    if isinstance(event, Fault):
        return usual if event.kind in _WORTH_A_RETRY else None
    if event.status != 429 and event.status not in TRANSIENT_STATUSES:
        return None
    asked = pause_seconds(event)
    return max(asked, usual) if asked <= _LONGEST_PAUSE_SECONDS else None
