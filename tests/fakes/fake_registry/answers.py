"""From what a host says to bytes, and a host's turn to answer one request."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus

from tests.fakes.dialogue import Amends, Says
from tests.fakes.fake_registry.request import Request
from tests.fakes.peer import Visit

BODILESS = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Turn:
    """A host's turn: the request, the answer that would be right, and the connection to say it on."""

    visit: Visit
    request: Request
    right: Says

    @property
    def wire(self) -> bytes:
        """The right answer as bytes."""
        return to_bytes(self.right, self.request.method)

    @property
    def head(self) -> bytes:
        return self.wire.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"

    @property
    def body(self) -> bytes:
        return body_of(self.right)

    def send(self, *pieces: bytes) -> None:
        self.visit.send(*pieces)


Misbehaviour = Callable[[Turn], Awaitable[bool]]
"""Says something else than the right answer, or says it badly; True when the connection goes on."""

Answer = Says | Amends | Misbehaviour


def body_of(said: Says) -> bytes:
    body = said.body
    if isinstance(body, Mapping):
        return json.dumps(body).encode()
    return body.encode() if isinstance(body, str) else body


def to_bytes(said: Says, method: str, version: str = "1.1") -> bytes:
    """Return the answer on the wire. Its length is told unless a header tells it, or the status has no body."""
    body = body_of(said)
    fields = [
        (name, value)
        for name, values in said.headers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    names = {name.lower() for name, _ in fields}
    if not names & {"content-length", "transfer-encoding"} and said.status not in BODILESS:
        fields.append(("Content-Length", str(len(body))))
    head = "".join(
        (f"HTTP/{version} {_status(said.status)}\r\n", *(f"{name}: {value}\r\n" for name, value in fields))
    )
    return f"{head}\r\n".encode("latin-1") + (b"" if method == "HEAD" or said.status in BODILESS else body)


def amended(said: Says, amendment: Amends) -> Says:
    """Return the answer with the amendment's headers, body and status."""
    changed = {name.lower() for name in amendment.headers}
    kept = {name: value for name, value in said.headers.items() if name.lower() not in changed}
    added = {name: value for name, value in amendment.headers.items() if value is not None}
    body = said.body if amendment.body is None else amendment.body
    if amendment.body is not None and "content-length" not in changed:
        kept = {name: value for name, value in kept.items() if name.lower() != "content-length"}
    return replace(said, status=amendment.status or said.status, headers={**kept, **added}, body=body)


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unheard Of"
