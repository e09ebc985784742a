"""Where a redirect may lead: decided here for whatever is checked.

Source: behaviour rows M28, M30, B15 to B19, threats S10 and S22. Which address may be dialled is the dialer's part.
"""

from typing import Final

from probes.protocol.exchange import Reply
from probes.protocol.taxonomy import Reason
from probes.protocol.urls import Origin, UrlRefused, may_be_sent_to, origin_of, resolve_url

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class HopRefused(ValueError):
    """A redirect that is not followed. The message shows no more of its target than an origin."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def next_place(url: str, reply: Reply, *, home: Origin, visited: tuple[str, ...], most: int) -> str:
    """Return the URL to which `reply`, a redirect that `url` gave, leads. Raises `HopRefused`.

    `home` is where the check began, `visited` where it has been before `url`, and `most` how many hops it may take.
    """
    location = reply.headers.get("location")
    if not location:
        raise HopRefused(Reason.PROTOCOL_ERROR, f"HTTP {reply.status} without a Location")  # row M30
    try:
        there = resolve_url(url, location)
        origin = origin_of(there)
    except UrlRefused as refusal:
        raise HopRefused(Reason.REDIRECT_FORBIDDEN, f"redirect: {refusal}") from None
    if origin.scheme != "https" and origin != home:
        raise HopRefused(Reason.REDIRECT_INSECURE, f"redirect to {origin}")
    if not may_be_sent_to(origin, home):
        detail = f"redirect to port {origin.port}, which is no web server's"
        raise HopRefused(Reason.REDIRECT_FORBIDDEN, detail)
    if len(visited) >= most or there in (*visited, url):
        raise HopRefused(Reason.REDIRECT_LOOP, f"after {len(visited) + 1} redirects")
    return there
