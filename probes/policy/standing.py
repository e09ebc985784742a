"""How a resource stands from one region, as outcomes come in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from probes.policy.depth import NOTHING_PROVED, Proof, prove
from probes.protocol.taxonomy import Depth, Stage, Status

_FAILURES: Final = frozenset({Status.UNAVAILABLE, Status.DEGRADED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What matters of one outcome. `slot` orders outcomes; `checked_at` is the region's own clock."""

    slot: datetime
    checked_at: datetime
    status: Status
    reason: str
    stage: Stage | None = None
    host: str | None = None
    depth: Depth | None = None
    digest: str | None = None
    warnings: tuple[str, ...] = ()
    read: bool = True  # the documents were fetched, and not only found to be there


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The newest outcome, since which slot its status holds, and how many agree on good or bad in a row.

    An outcome that could not tell (`indeterminate`, `config_error`) neither counts nor ends a run. `digest` is
    the last one seen, also by an earlier outcome.
    """

    status: Status
    reason: str
    stage: Stage | None
    host: str | None
    digest: str | None
    since: datetime
    last_slot: datetime
    checked_at: datetime
    warnings: tuple[str, ...]
    consecutive_failures: int
    consecutive_successes: int
    proof: Proof


def advance(standing: Standing | None, seen: Seen) -> Standing:
    """Return how things stand after `seen`, an outcome for a newer slot than all before it."""
    failures, successes = (standing.consecutive_failures, standing.consecutive_successes) if standing else (0, 0)
    if seen.status is Status.AVAILABLE:
        failures, successes = 0, successes + 1
    elif seen.status in _FAILURES:
        failures, successes = failures + 1, 0
    digest = seen.digest or (standing.digest if standing else None)
    return Standing(
        status=seen.status,
        reason=seen.reason,
        stage=seen.stage,
        host=seen.host,
        digest=digest,
        since=standing.since if standing and standing.status is seen.status else seen.slot,
        last_slot=seen.slot,
        checked_at=seen.checked_at,
        warnings=seen.warnings,
        consecutive_failures=failures,
        consecutive_successes=successes,
        proof=prove(
            standing.proof if standing else NOTHING_PROVED,
            status=seen.status,
            stage=seen.stage,
            depth=seen.depth,
            digest=digest,
            at=seen.slot,
            read=seen.read,
        ),
    )


def is_newer(standing: Standing | None, seen: Seen) -> bool:
    """Tell whether `seen` moves the standing on; a late outcome only joins the history."""
    return standing is None or seen.slot > standing.last_slot


def is_news(standing: Standing | None, seen: Seen) -> bool:
    """Tell whether the whole document of `seen` is worth keeping: it tells what the row before it did not."""
    return (
        standing is None
        or seen.status is not Status.AVAILABLE
        or not is_newer(standing, seen)
        or (seen.status, seen.reason) != (standing.status, standing.reason)
        or seen.digest not in (None, standing.digest)
    )
