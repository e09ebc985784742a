"""How long the wire waits, how much it takes and how much it keeps: table D.2 of the behaviour, named with units.

Limits of a whole check (requests, redirects, token rounds, total bytes) belong to the conversation and are part of
these. Each limit can be set by an environment variable, `KAIROS_LIMIT_` and its name in capitals:
docs/reference/limits.md lists them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from probes.protocol.exchange import ERROR_BODY_LIMIT_BYTES
from probes.protocol.limits import DEFAULT_LIMITS, CheckLimits


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
    header_fields: int = 256  # of one response; thousands of tiny ones would cost a hundred times their bytes
    error_body_bytes: int = ERROR_BODY_LIMIT_BYTES
    probe_body_bytes: int = 64 * 1024
    read_ahead_bytes: int = 64 * 1024  # held for a slow consumer before reading pauses

    pool_idle_seconds: float = 30.0
    pool_connections: int = 128  # idle ones kept, over all hosts
    connection_age_seconds: float = 300.0

    document_memory_bytes: int = 32 * 1024 * 1024  # of manifests, indexes and configs kept by digest
    login_memory_bytes: int = 8 * 1024 * 1024  # of challenges and tokens kept by repository and login
    remembered_hosts: int = 10_000  # of those that refuse HEAD, and of those that throttled us

    check: CheckLimits = DEFAULT_LIMITS


NAMED: Final = (*fields(CheckLimits), *(field for field in fields(Limits) if field.name != "check"))
"""Every limit that has a name of its own: those of a check, then those of the wire."""

VARIABLE: Final = "KAIROS_LIMIT_"
_LARGEST: Final = 1 << 40
_LONGEST_SECONDS: Final = 86_400.0


class LimitRefused(ValueError):
    """A variable that sets no limit, or sets it to what none can be; the message is one line and names it."""


def read_limits(environ: Mapping[str, str]) -> Limits:
    """Return the limits that the environment sets, and the usual ones besides. Raises `LimitRefused`.

    An empty value leaves a limit as it is. An unknown name is refused: a misspelt limit would otherwise hold nothing.
    """
    known = {VARIABLE + field.name.upper(): field for field in NAMED}
    chosen: dict[str, Any] = {}
    for name in sorted(name for name in environ if name.startswith(VARIABLE)):
        if name not in known:
            raise LimitRefused(f"{name[:80]} is not a limit: they are {', '.join(sorted(known))}")
        if text := environ[name].strip():
            field = known[name]
            chosen[field.name] = _whole(name, text) if isinstance(field.default, int) else _seconds(name, text)
    of_check = {field.name: chosen.pop(field.name) for field in fields(CheckLimits) if field.name in chosen}
    return Limits(**chosen, check=CheckLimits(**of_check))


def _whole(name: str, text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(_LARGEST))
    if not (is_number and 1 <= int(text) <= _LARGEST):
        raise LimitRefused(f"{name} is not a whole number from 1 to {_LARGEST}: {text[:40]!r}")
    return int(text)


def _seconds(name: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise LimitRefused(f"{name} is not a number of seconds up to {_LONGEST_SECONDS:g}: {text[:40]!r}")
    return seconds
