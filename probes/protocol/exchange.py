"""What passes between the conversation and the wire: an ask, and the reply or the fault that came of it.

The wire turns each `Ask` into exactly one `Reply` or `Fault`, in any order when several are in flight.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from probes.protocol.taxonomy import Stage

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
"""A registry is only ever asked by the first three."""


class FaultKind(StrEnum):
    """How an exchange failed before a complete reply arrived. Most carry the name of the reason they become."""

    DNS_NXDOMAIN = "dns_nxdomain"
    DNS_TEMPORARY = "dns_temporary"
    ADDRESS_FORBIDDEN = "address_forbidden"  # the guard refused every address of the host
    CONNECT_REFUSED = "connect_refused"
    CONNECT_UNREACHABLE = "connect_unreachable"
    CONNECT_TIMEOUT = "connect_timeout"
    PROXY_AUTH = "proxy_auth"  # the region's own proxy wants a login, or refuses the one it got
    PROXY_FAILED = "proxy_failed"  # it could not be reached, or will not connect us
    TLS_UNTRUSTED = "tls_untrusted"
    TLS_EXPIRED = "tls_expired"
    TLS_HOSTNAME = "tls_hostname"
    TLS_PROTOCOL = "tls_protocol"
    CONNECTION_RESET = "connection_reset"
    TIMEOUT_HEADERS = "timeout_headers"
    TIMEOUT_BODY = "timeout_body"
    TIMEOUT_TOTAL = "timeout_total"  # the deadline of the whole check
    BODY_TRUNCATED = "body_truncated"
    BODY_TOO_LARGE = "body_too_large"
    PROTOCOL_ERROR = "protocol_error"
    RATE_LIMITED = "rate_limited"  # not asked at all: the host throttled us a moment ago, and we wait
    RATE_LIMITED_AUTH = "rate_limited_auth"
    RATE_LIMITED_UPSTREAM = "rate_limited_upstream"
    ABORTED = "aborted"  # our side gave up: shutdown or cancellation
    INTERNAL = "internal"  # our own bug


class BodyRule(StrEnum):
    """How much of a reply's body the wire reads. Redirect bodies are never read (row B20)."""

    DOCUMENT = "document"  # all of it; more than `Ask.limit_bytes` is a BODY_TOO_LARGE fault
    PROBE = "probe"  # nothing that matters: the connection is closed if more than a little follows
    BEGINNING = "beginning"  # of any status: up to `Ask.limit_bytes`, and `Reply.is_cut` tells that there was more


ERROR_BODY_LIMIT_BYTES: Final = 64 * 1024
"""Of another reply that is neither success nor redirect, this much is read and the rest dropped (limits, D.2)."""


@dataclass(frozen=True, slots=True)
class Headers:
    """Header fields in the order received, names in lower case."""

    items: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, items: Iterable[tuple[str, str]]) -> "Headers":
        return cls(tuple((name.lower(), value) for name, value in items))

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of `name` (lower case), or `default`."""
        for known, value in self.items:
            if known == name:
                return value
        return default

    def all(self, name: str) -> list[str]:
        """Return every value of `name`, one per header line; lines are never split at commas (row C5)."""
        return [value for known, value in self.items if known == name]

    def __contains__(self, name: object) -> bool:
        for known, _ in self.items:  # noqa: SIM110 - asked several times of every reply; a generator costs twice
            if known == name:
                return True
        return False

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One HTTP request that the conversation wants made. The URL is absolute; redirects are not followed."""

    id: int
    method: Method
    url: str
    stage: Stage
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # may carry a login
    body: bytes = field(default=b"", repr=False)  # likewise
    body_rule: BodyRule = BodyRule.DOCUMENT
    limit_bytes: int = 4 * 1024 * 1024
    fresh_connection: bool = False  # must not reuse a pooled connection (rows N12, M11)
    delay_seconds: float = 0.0  # wait this long first; a retry's pause (row E16)
    shows_identity: bool = False  # whether the peer may see the client certificate
    is_guest: bool = False  # as anyone may: whatever comes of it says nothing about the check's login (C21, T34)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A complete HTTP reply: status, headers, and as much of the body as the ask's rule lets through.

    `elapsed_ms` is from the ask, with whatever had to be resolved and connected for it, to the body's end.
    """

    ask_id: int
    status: int
    headers: Headers = field(repr=False)
    body: bytes = field(default=b"", repr=False)  # may hold a token
    received_at: datetime
    elapsed_ms: float = 0.0
    is_cut: bool = False
    certificate_not_after: datetime | None = None  # of whoever replied; None without TLS

    @property
    def received_bytes(self) -> int:
        return len(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An exchange that gave no complete reply. `detail` is short, clean text without secrets.

    `retry_at` is set where we wait for a host that throttled us. `received_bytes` of a body had come before: they
    count against the check's bytes like any others.
    """

    ask_id: int
    kind: FaultKind
    detail: str = ""
    retry_at: datetime | None = None
    received_bytes: int = 0


Event = Reply | Fault
