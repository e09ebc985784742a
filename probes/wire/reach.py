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


async def reach(
    url: str,
    transport: GuardedTransport,
    limits: Limits,
    *,
    seconds: float,
    proxy: Proxy | None = None,
    nat64: tuple[IPv6Network, ...] = (),
) -> Reached:
    """Ask `url` once, on a connection of its own; whatever status comes within `seconds` is an answer.

    It may be anywhere but at a metadata address: the region's operator chose it, as with a proxy.
    """
    site = Site(allow_hosts=(origin_of(url).host,), plain_http=True)
    ask = Ask(id=0, method="GET", url=url, stage=Stage.CONNECT, limit_bytes=BODY_BYTES, fresh_connection=True)
    deadline = asyncio.get_running_loop().time() + seconds
    event, record = await perform(transport, ask, Route.of(site, proxy, nat64), limits, deadline)
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
