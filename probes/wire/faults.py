"""The one exception of the wire: an exchange that gave no complete reply, and why."""

import httpx

from probes.protocol.exchange import FaultKind

DETAIL_LIMIT = 200  # characters


class WireFault(httpx.TransportError):
    """Raised by every part of the wire; `probes.wire.exchange` turns it into a `Fault` event.

    `detail` is short printable text without secrets. `unanswered` tells that no part of a response came before the
    connection died or went wrong, so that a request on a kept connection may be sent again elsewhere.
    """

    def __init__(self, kind: FaultKind, detail: str = "", *, unanswered: bool = False) -> None:
        self.kind = kind
        self.detail = printable(detail)
        self.unanswered = unanswered
        super().__init__(f"{kind}: {self.detail}" if self.detail else str(kind))


def printable(text: str) -> str:
    """Return `text` on one line, without control or bidirectional characters, cut to `DETAIL_LIMIT` (S20)."""
    line = "".join(char if char.isprintable() else " " for char in text[: 2 * DETAIL_LIMIT])
    return " ".join(line.split())[:DETAIL_LIMIT]
