"""A client of the transport for tests; the servers that it asks are `tests.fakes.peer`'s."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import httpx

from probes.protocol.exchange import Ask, BodyRule, Event, Fault, Method, Reply
from probes.protocol.plan import Site
from probes.protocol.taxonomy import Stage
from probes.wire.exchange import ExchangeRecord, perform
from probes.wire.limits import Limits
from probes.wire.route import TERMS, Route, Terms
from probes.wire.transport import GuardedTransport
from tests.fakes.peer import Peer, Script, Visit, answering, answering_once, peer_that, stalling_after

__all__ = [
    "LOOPBACK",
    "Client",
    "Peer",
    "Script",
    "Visit",
    "answering",
    "answering_once",
    "peer_that",
    "stalling_after",
    "until",
]

LOOPBACK = Site(allow_cidrs=("127.0.0.0/8", "::1/128"), plain_http=True)


@dataclass
class Client:
    """Asks through one transport; a test says only what matters to it."""

    transport: GuardedTransport
    limits: Limits
    route: Route

    async def ask(
        self,
        url: str,
        method: str = "GET",
        *,
        seconds: float = 10,
        fresh: bool = False,
        probe: bool = False,
        limit_bytes: int = 1 << 20,
        headers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
        site: Site | None = None,
        identity_pem: str = "",
        **limits: float,
    ) -> tuple[Event, ExchangeRecord]:
        ask = Ask(
            id=7,
            method=cast("Method", method),
            url=url,
            stage=Stage.MANIFEST,
            headers=headers,
            body=body,
            body_rule=BodyRule.PROBE if probe else BodyRule.DOCUMENT,
            limit_bytes=limit_bytes,
            fresh_connection=fresh,
            shows_identity=True,
        )
        route = Route.of(site) if site else self.route
        deadline = asyncio.get_running_loop().time() + seconds
        chosen = replace(self.limits, **limits)  # type: ignore[arg-type]  # names and types of Limits
        return await perform(self.transport, ask, route, chosen, deadline, identity_pem=identity_pem)

    async def reply(self, url: str, method: str = "GET", **more: object) -> tuple[Reply, ExchangeRecord]:
        event, record = await self.ask(url, method, **more)  # type: ignore[arg-type]  # as of `ask`
        assert isinstance(event, Reply), event
        return event, record

    async def fault(self, url: str, method: str = "GET", **more: object) -> tuple[Fault, ExchangeRecord]:
        event, record = await self.ask(url, method, **more)  # type: ignore[arg-type]  # as of `ask`
        assert isinstance(event, Fault), event
        return event, record

    def terms(self, *, seconds: float = 10) -> Terms:
        deadline = asyncio.get_running_loop().time() + seconds
        return Terms(route=self.route, limits=self.limits, deadline=deadline)

    async def open(self, url: str) -> httpx.Response:
        """Send a GET through httpx's seam; the response's body is left to read."""
        request = httpx.Request("GET", url, extensions={TERMS: self.terms()})
        return await self.transport.handle_async_request(request)


async def until(condition: Callable[[], bool], *, seconds: float = 5) -> None:
    """Wait for a condition; a test that waits in vain fails."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for rings no bell
            await asyncio.sleep(0.005)
