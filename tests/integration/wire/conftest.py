import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import pytest
import trustme

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
