"""The limits of a check, by their names in the code: what the page shows is what is enforced."""

from collections.abc import Iterator

from probes.protocol.endpoint.json_path import LONGEST_PATH
from probes.protocol.endpoint.pattern import LARGEST_PROGRAM, LONGEST_PATTERN
from probes.protocol.errors import MAX_RETRY_AFTER_SECONDS, SHOWN_TEXT
from probes.protocol.limits import CheckLimits
from probes.protocol.manifest import MAX_DESCRIPTORS
from probes.protocol.plan import DEFAULT_TIMEOUT_SECONDS
from probes.protocol.token import MAX_LIFETIME_SECONDS, MAX_TOKEN
from probes.protocol.urls import MAX_URL
from probes.wire.limits import Limits
from probes.wire.memory import CHALLENGE_SECONDS, MAX_TOKEN_SECONDS


def limits() -> Iterator[tuple[str, str]]:
    """Yield each limit of a check: what is bounded, and by how much."""
    check, wire = CheckLimits(), Limits()
    yield "manifest or index", _bytes(check.manifest_bytes)
    yield "children or layers that one document may list", f"{MAX_DESCRIPTORS}"
    yield (
        "config",
        f"{_bytes(check.config_bytes)}, or its stated size up to {_bytes(check.manifest_bytes)}",
    )
    yield "reply of a token service", _bytes(check.token_bytes)
    yield "token", _bytes(MAX_TOKEN)
    yield "error body", f"{_bytes(wire.error_body_bytes)} read, {SHOWN_TEXT} characters shown"
    yield "reply to the probe of a blob", f"one byte wanted; hangs up above {_bytes(wire.probe_body_bytes)}"
    yield "body of an endpoint's answer", _bytes(check.endpoint_bytes)
    yield "pattern for it", f"{LONGEST_PATTERN} characters, {LARGEST_PROGRAM} steps a byte"
    yield "JSON path for it", f"{LONGEST_PATH} characters"
    yield "headers", _bytes(wire.header_bytes)
    yield "URL", f"{MAX_URL} characters"
    yield "redirects", f"{check.hops}, of a token service {check.token_hops}"
    yield (
        "requests of a check",
        f"{check.requests_unqueued} and those for children and blobs; {check.requests} in all",
    )
    yield "bodies of a check", _bytes(check.body_bytes)
    yield "token exchanges of a check", f"{check.exchanges}, and one as a guest"
    yield "requests of a check at a time", f"{check.asks_in_flight}"
    yield "retries of a request", "1, after 0.3 to 1 second"
    yield "pause that a registry may ask for within a check", f"{check.pause_seconds:g} s"
    yield "texts of a registry's Warning headers", _bytes(check.notice_bytes)
    yield "Retry-After", f"1 to {MAX_RETRY_AFTER_SECONDS} s"
    yield "depth of indexes, children, layers", f"{check.index_levels}, {check.children}, {check.layers}"
    yield "DNS, connect, TLS", f"{wire.dns_seconds:g}, {wire.connect_seconds:g}, {wire.tls_seconds:g} s"
    yield "headers of a reply, its body", f"{wire.headers_seconds:g}, {wire.body_seconds:g} s"
    yield "check", f"{DEFAULT_TIMEOUT_SECONDS:g} s, unless the plan says otherwise"
    yield (
        "a remembered token",
        f"its lifetime (at most {MAX_LIFETIME_SECONDS} s) less a margin, {MAX_TOKEN_SECONDS:g} s at most",
    )
    yield "a remembered challenge", f"{CHALLENGE_SECONDS:g} s"
    yield "a connection at rest, its age", f"{wire.pool_idle_seconds:g} s, {wire.connection_age_seconds:g} s"


def _bytes(count: int) -> str:
    for size, unit in ((1024 * 1024, "MiB"), (1024, "KiB")):
        if count % size == 0:
            return f"{count // size} {unit}"
    return f"{count} bytes"
