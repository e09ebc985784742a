"""Steps of an outcome as the engine would tell them, for tests of those who keep and show them."""

from dataclasses import replace
from typing import Any, Final

from probes.protocol.outcome import Step
from probes.protocol.taxonomy import Stage

_USUAL: Final = Step(
    stage=Stage.MANIFEST,
    method="GET",
    url="https://ghcr.io/v2/org/app/manifests/1",
    host="ghcr.io",
    address="192.0.2.7",
    http_status=200,
    error=None,
    connection="new",
    dns_ms=12.34,
    connect_ms=5.0,
    tls_ms=8.0,
    first_byte_ms=1.5,
    total_ms=27.0,
    bytes=100,
)


def step(**changes: Any) -> Step:
    """Return the reading of a manifest over a new connection, but for `changes`."""
    return replace(_USUAL, **changes)


def reused(**changes: Any) -> Step:
    """Return the same over a connection that was there."""
    return step(connection="reused", dns_ms=None, connect_ms=None, tls_ms=None, **changes)
