"""Asking a canary: on the same transport, by the same proxy and within the same limits as checks."""

import asyncio
from ipaddress import IPv6Network
from typing import Final

from probes.protocol.egress import Canary, Reached
from probes.protocol.exchange import Ask, Fault, Reply
from probes.protocol.plan import Site
from probes.protocol.proxy import Proxy
from probes.protocol.taxonomy import Stage
from probes.protocol.urls import origin_of
from probes.wire.exchange import perform
from probes.wire.limits import Limits
from probes.wire.route import Route
from probes.wire.transport import GuardedTransport

BODY_BYTES: Final = 16 * 1024


def route_to(url: str, ca_pem: str, proxy: Proxy | None, nat64: tuple[IPv6Network, ...]) -> Route:
    """Return the way to a canary: it may be anywhere but at a metadata address, since the region's operator chose it.

    `ca_pem` are roots besides the system's. Raises `ValueError` when they are none.
    """
    return Route.of(Site(allow_hosts=(origin_of(url).host,), plain_http=True, ca_pem=ca_pem), proxy, nat64)


async def reach(url: str, transport: GuardedTransport, route: Route, limits: Limits, *, seconds: float) -> Reached:
    """Ask `url` once, on a connection of its own; whatever status comes within `seconds` is an answer."""
    ask = Ask(id=0, method="GET", url=url, stage=Stage.CONNECT, limit_bytes=BODY_BYTES, fresh_connection=True)
    deadline = asyncio.get_running_loop().time() + seconds
    event, record = await perform(transport, ask, route, limits, deadline)
    return Reached(
        canary=Canary(
            url=url,
            http_status=record.http_status,
            error=event.kind.value if isinstance(event, Fault) else None,
            total_ms=record.total_ms,
        ),
        body=event.body if isinstance(event, Reply) else b"",
        local_address=record.local_address,
    )
