"""How long the wire waits and how much it takes: table D.2 of the registry behaviour, named with units.

Limits of a whole check (requests, redirects, token rounds, total bytes) belong to the conversation.
"""

from dataclasses import dataclass

from probes.protocol.exchange import ERROR_BODY_LIMIT_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one exchange, of the pool behind it, and of what an engine remembers.

    The check's own deadline always comes on top.
    """

    dns_seconds: float = 5.0
    connect_seconds: float = 5.0  # for all addresses of a host together
    stagger_seconds: float = 0.25  # head start of one address over the next
    addresses_tried: int = 6  # of the admitted ones, families taking turns
    tls_seconds: float = 5.0
    headers_seconds: float = 10.0  # from the request sent to the last header received
    body_seconds: float = 10.0  # from the headers to the last byte of the body, however it drips

    header_bytes: int = 64 * 1024  # also of any other stretch without a body byte: trailers, chunk extensions
    error_body_bytes: int = ERROR_BODY_LIMIT_BYTES
    probe_body_bytes: int = 64 * 1024
    read_ahead_bytes: int = 64 * 1024  # held for a slow consumer before reading pauses

    pool_idle_seconds: float = 30.0
    pool_connections: int = 128  # idle ones kept, over all hosts
    connection_age_seconds: float = 300.0

    document_memory_bytes: int = 32 * 1024 * 1024  # of manifests, indexes and configs kept by digest
    login_memory_bytes: int = 8 * 1024 * 1024  # of challenges and tokens kept by repository and login
    remembered_hosts: int = 10_000  # of those that refuse HEAD, and of those that throttled us
