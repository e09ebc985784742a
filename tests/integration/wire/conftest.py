import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime
from typing import Any

import pytest
import trustme

from probes.wire.flights import FlightKey, Landed, TokenFlights
from probes.wire.limits import Limits
from probes.wire.route import Route
from probes.wire.transport import GuardedTransport
from tests.integration.wire.peer import LOOPBACK, Client

Presenting = Callable[..., ssl.SSLContext]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    limits = Limits(headers_seconds=5, body_seconds=5)
    transport = GuardedTransport(limits, "kairos/test (eu-west)")
    yield Client(transport, limits, Route.of(LOOPBACK))
    await transport.aclose()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def presenting(authority: trustme.CA) -> Presenting:
    """Make a server's context that presents a certificate for a name, within its days."""

    def context(
        name: str = "localhost",
        *,
        issuer: trustme.CA = authority,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> ssl.SSLContext:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issuer.issue_cert(name, not_before=not_before, not_after=not_after).configure_cert(server)
        return server

    return context


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note every address that anything connects to."""
    addresses: list[str] = []
    connect = asyncio.SelectorEventLoop.sock_connect

    async def noting(loop: asyncio.SelectorEventLoop, sock: object, address: tuple[str, int]) -> None:
        addresses.append(address[0])
        await connect(loop, sock, address)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", noting)
    return addresses


@pytest.fixture
def boarded(monkeypatch: pytest.MonkeyPatch) -> list[FlightKey]:
    """Note every check that needs a token: the first of them then asks for it, and those who are noted by then wait.

    Their requests and answers would not tell: on a busy machine an answer may be long on its way, even on loopback.
    """
    keys: list[FlightKey] = []
    board = TokenFlights.board

    def noting(flights: TokenFlights, key: FlightKey, deadline: float) -> Coroutine[Any, Any, Landed | None]:
        keys.append(key)
        return board(flights, key, deadline)

    monkeypatch.setattr(TokenFlights, "board", noting)
    return keys
