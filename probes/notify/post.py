"""One POST to a channel over the guarded transport, and what its answer means."""

import asyncio
import base64
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from probes.policy.channel_url import Address, ChannelUrlRefused, read_url, secrets_in
from probes.policy.delivery import Destination, Receipt, Result
from probes.protocol.errors import clean_text, pause_seconds
from probes.protocol.exchange import Ask, BodyRule, Event, Fault
from probes.protocol.plan import Site
from probes.protocol.redaction import scrub
from probes.protocol.taxonomy import Stage
from probes.version import VERSION
from probes.wire.exchange import perform
from probes.wire.limits import Limits
from probes.wire.route import Route
from probes.wire.transport import GuardedTransport

USER_AGENT: Final = f"kairos/{VERSION}"
SEND_SECONDS: Final = 10.0  # for one message
LIMITS: Final = Limits()

_READ_BYTES: Final = 400
_LONGEST_ANSWER: Final = 120
_MEANS_THIS_ONE: Final = frozenset({400, 409, 413, 415, 422})
"""By these a receiver refuses the message and not whoever sends it: the next may be taken."""

Headers = tuple[tuple[str, str], ...]


class NoWay(Exception):
    """The channel leads nowhere as it is set; the message says why."""


def line_to(destination: Destination) -> tuple[Address, Route]:
    """Return where a channel leads, and by which way. Raises `NoWay`.

    Dialled are public addresses and those in the channel's own networks, never a metadata service.
    """
    try:
        address = read_url(destination.kind, destination.url)
        site = Site(
            allow_cidrs=destination.allowed_cidrs,
            ca_pem=destination.ca_pem,
            plain_http=address.origin.scheme == "http",
        )
        return address, Route.of(site)
    except ChannelUrlRefused as refused:
        raise NoWay(str(refused)) from None
    except ValueError:
        raise NoWay("the channel's networks or CA certificates cannot be read") from None


async def post(
    transport: GuardedTransport,
    destination: Destination,
    parcel_id: int,
    body: bytes,
    *,
    path: str = "",
    headers: Headers = (),
) -> Receipt:
    """Send JSON and return what came of it. Redirects are not followed."""
    try:
        address, route = line_to(destination)
    except NoWay as error:
        return Receipt(id=parcel_id, result=Result.UNREACHABLE, detail=str(error))
    ask = Ask(
        id=0,
        method="POST",
        url=address.url + path,
        stage=Stage.CONNECT,
        headers=(("Content-Type", "application/json"), *_login(address), *headers),
        body=body,
        body_rule=BodyRule.BEGINNING,
        limit_bytes=_READ_BYTES,
    )
    deadline = asyncio.get_running_loop().time() + SEND_SECONDS
    event, _ = await perform(transport, ask, route, LIMITS, deadline)
    return _receipt(event, parcel_id, secrets_in(destination.url))


def _login(address: Address) -> Headers:
    if not (address.username or address.password):
        return ()
    login = base64.b64encode(f"{address.username}:{address.password}".encode()).decode("ascii")
    return (("Authorization", f"Basic {login}"),)


def _receipt(event: Event, parcel_id: int, hidden: Iterable[str]) -> Receipt:
    if isinstance(event, Fault):
        detail = f"{event.kind.value.replace('_', ' ')}{': ' if event.detail else ''}{event.detail}"
        return Receipt(id=parcel_id, result=Result.UNREACHABLE, detail=scrub(detail, hidden))
    if 200 <= event.status < 300:
        return Receipt(id=parcel_id, result=Result.DELIVERED)
    said = clean_text(event.body.decode("utf-8", "replace"), _LONGEST_ANSWER)
    if 300 <= event.status < 400:
        said = "redirects are not followed"
    asked = pause_seconds(event)
    return Receipt(
        id=parcel_id,
        result=Result.REFUSED if event.status in _MEANS_THIS_ONE else Result.UNREACHABLE,
        detail=scrub(f"HTTP {event.status}{': ' if said else ''}{said}", hidden),
        retry_after=timedelta(seconds=asked) if asked else None,
    )
