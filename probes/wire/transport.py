"""httpx's seam filled with our own client: guarded, timed, bounded. See ADR 0003.

Asked through `probes.wire.exchange`, or by anything that speaks httpx. A request carries its `Terms` under
`TERMS`; its response carries the `Trace` under `EXCHANGE`. No cookies, redirects or environment.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import httpx

from probes.protocol.exchange import FaultKind
from probes.protocol.urls import Origin
from probes.wire.connection import Connection
from probes.wire.dialer import Dialer
from probes.wire.faults import WireFault
from probes.wire.http1 import Reading, request_bytes
from probes.wire.limits import Limits
from probes.wire.pool import Key, Pool
from probes.wire.route import EXCHANGE, TERMS, Terms

_PORTS: Final = {"https": 443, "http": 80}
_SAFE: Final = frozenset({"GET", "HEAD"})  # may be sent again when a kept connection proves stale


class GuardedTransport(httpx.AsyncBaseTransport):
    """An HTTP/1.1 client for one event loop. Create it there, `aclose` it there."""

    def __init__(self, limits: Limits, user_agent: str) -> None:
        self.user_agent: Final = user_agent
        self._dialer = Dialer(limits)
        self._pool = Pool(limits)

    @property
    def open_connections(self) -> int:
        """How many connections are open, busy or at rest."""
        return self._dialer.open_count

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response as soon as its headers are in; its stream holds the connection until closed.

        Raises `WireFault`; `ValueError` when the request must not or cannot be sent; `KeyError` without terms.
        """
        terms: Terms = request.extensions[TERMS]
        origin = _origin(request.url)
        if origin.scheme == "http" and not terms.route.plain_http:
            raise ValueError("plain http is not admitted on this route")
        target = request.extensions.get("target") or request.url.raw_path
        body = await request.aread() if request.method not in _SAFE else b""
        payload = request_bytes(request.method, target, request.headers.raw, body)
        if asyncio.get_running_loop().time() >= terms.deadline:
            raise WireFault(FaultKind.TIMEOUT_TOTAL, "the check's time was over before the request")
        key = (origin, terms.route.profile, terms.identity_pem)
        kept = None if terms.fresh else self._pool.take(key)
        if kept is not None:
            terms.trace.connection = "reused"
            try:
                return await self._converse(kept, key, request.method, payload, terms)
            except WireFault as fault:
                if not (fault.unanswered and request.method in _SAFE):
                    raise
            terms.trace.forget_connection()
        connection = await self._dialer.dial(origin, terms)
        return await self._converse(connection, key, request.method, payload, terms)

    async def aclose(self) -> None:
        """Close every connection; exchanges under way end with an ABORTED fault."""
        await self._dialer.aclose()

    async def _converse(
        self, connection: Connection, key: Key, method: str, payload: bytes, terms: Terms
    ) -> httpx.Response:
        trace = terms.trace
        trace.address = connection.address
        trace.certificate = connection.certificate
        reading = connection.begin(payload, terms, bodiless=method == "HEAD")
        try:
            await reading.head()
        except BaseException:
            connection.finish()
            raise
        return httpx.Response(
            reading.status,
            headers=reading.headers,
            stream=ReplyBody(reading, connection, self._pool, key),
            extensions={EXCHANGE: trace},
        )


class ReplyBody(httpx.AsyncByteStream):
    """A response's body. Holds its connection until `release` gives it back to the pool, or ends it."""

    def __init__(self, reading: Reading, connection: Connection, pool: Pool, key: Key) -> None:
        self.reading: Final = reading
        self._connection: Connection | None = connection
        self._pool = pool
        self._key = key

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := await self.reading.chunk():
            yield chunk

    async def aclose(self) -> None:
        self.release()

    def release(self) -> None:
        """Be done with the body, read or not. A connection with unread bytes coming is closed."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.finish():
            self._pool.put(self._key, connection)


def _origin(url: httpx.URL) -> Origin:
    # As it stands: `url.host` would undo the name's IDNA encoding, and resolver and TLS encode it by older rules,
    # which make another name of it.
    host = url.raw_host.decode("ascii")
    return Origin(url.scheme, f"[{host}]" if ":" in host else host, url.port or _PORTS[url.scheme])
