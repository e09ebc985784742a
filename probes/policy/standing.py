"""How a resource stands from one region, as outcomes come in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from probes.policy.ballot import Poll, ballot_of, cast
from probes.policy.depth import BLOB_STAGES, NOTHING_PROVED, Proof, prove
from probes.policy.liveness import Hysteresis
from probes.policy.platforms import Listed, listing
from probes.policy.terms import USUAL
from probes.protocol.outcome import PlatformResult
from probes.protocol.taxonomy import Depth, Stage, Status, Warn


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
    platforms: tuple[PlatformResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The newest outcome, since which slot its status holds, and what the region's ballots have come to.

    An outcome that could not tell (`indeterminate`, `config_error`) is no ballot and ends no run; `poll` is None
    before the first that could. `digest` is the last one seen, also by an earlier outcome, for `digest_since` the
    first time (None: not known). `platforms` are as the last check left them that looked.
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
    poll: Poll | None
    proof: Proof
    digest_since: datetime | None = None
    platforms: Mapping[str, Listed] = field(default_factory=dict)


def advance(standing: Standing | None, seen: Seen, thresholds: Hysteresis = USUAL.thresholds) -> Standing:
    """Return how things stand after `seen`, an outcome for a newer slot than all before it.

    `thresholds` is how many failures and recoveries in a row change the region's stance.
    """
    poll, ballot = standing.poll if standing else None, ballot_of(seen.status, seen.reason)
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
        poll=cast(poll, ballot, at=seen.slot, thresholds=thresholds) if ballot else poll,
        proof=prove(
            standing.proof if standing else NOTHING_PROVED,
            status=seen.status,
            stage=seen.stage,
            depth=seen.depth,
            digest=digest,
            at=seen.slot,
            read=seen.read,
        ),
        digest_since=_digest_since(standing, seen),
        platforms=listing(
            standing.platforms if standing else {},
            seen.platforms,
            at=seen.slot,
            is_capped=Warn.PROBE_CAPPED in seen.warnings,
        ),
    )


def _digest_since(standing: Standing | None, seen: Seen) -> datetime | None:
    known = standing.digest if standing else None
    if seen.digest and seen.digest != known:
        return seen.slot
    return standing.digest_since if standing else None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepResult:
    """What a check found that looked at config and layers; `follows_failure` where the one before failed at these."""

    status: Status
    reason: str
    slot: datetime
    follows_failure: bool


def deep_result(before: Standing | None, after: Standing) -> DeepResult | None:
    """Return what the newest outcome says of config and layers, if that may be something else than was known.

    It failed at one, as the outcome before did not; or all were there, which was not proven of this digest.
    """
    follows_failure = before is not None and before.stage in BLOB_STAGES
    if after.stage in BLOB_STAGES:
        is_as_before = before is not None and (before.stage, before.reason) == (after.stage, after.reason)
        is_told = after.status in (Status.UNAVAILABLE, Status.DEGRADED) and not is_as_before
    else:
        is_proven_now = after.proof.blobs_at == after.last_slot
        is_told = is_proven_now and (before is None or before.proof.blobs_at is None)
    if not is_told:
        return None
    return DeepResult(status=after.status, reason=after.reason, slot=after.last_slot, follows_failure=follows_failure)
