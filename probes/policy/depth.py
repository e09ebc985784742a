"""How deep the next check goes.

Manifests answer when layers do not, and quotas are real (a HEAD is free on Docker Hub, a manifest GET is not),
so depth is tiered. Source: behaviour section E.3. Each interval resolves the tag. The manifest and its platforms
are read on the first check, when the digest changed, after a failure, and every six hours; the blobs follow once
a manifest was proven for a digest, after a failure at a blob, and every day. An operator may set other cadences for
a resource, or force a depth: then documents are read at the manifest's cadence, and in between only asked for.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from probes.policy.ballot import Ballot, ballot_of
from probes.protocol.taxonomy import Depth, Reason, Stage, Status, Warn

MANIFEST_CADENCE: Final = timedelta(hours=6)
BLOBS_CADENCE: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadences:
    """How often what did not change is read again."""

    manifest: timedelta = MANIFEST_CADENCE
    blobs: timedelta = BLOBS_CADENCE


USUAL: Final = Cadences()


BLOB_STAGES: Final = frozenset({Stage.CONFIG, Stage.LAYER})
_DEEP_STAGES: Final = frozenset({Stage.INDEX, Stage.CHILD, Stage.CONFIG, Stage.LAYER})
_OF_CONTENT: Final = frozenset(
    reason.value
    for reason in (
        Reason.TAG_DIGEST_INCONSISTENT,
        Reason.SIZE_MISMATCH,
        Reason.DIGEST_MISMATCH,
        Reason.MANIFEST_MALFORMED,
        Reason.MANIFEST_EMPTY,
        Reason.MANIFEST_TYPE_CONFLICT,
        Reason.MANIFEST_TYPE_UNSUPPORTED,
        Reason.MANIFEST_ENCODING_UNSUPPORTED,
        Reason.MANIFEST_TOO_LARGE,
        Reason.LEGACY_SCHEMA1,
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What depth was last proven, when, and for which digest. A failure takes its part of the proof away."""

    digest: str | None = None
    manifest_at: datetime | None = None
    blobs_at: datetime | None = None


NOTHING_PROVED: Final = Proof()


def prove(
    proof: Proof,
    *,
    status: Status,
    stage: Stage | None,
    depth: Depth | None,
    digest: str | None,
    at: datetime,
    read: bool = True,
) -> Proof:
    """Return what is proven after an outcome at `at`; `depth` is the depth it reached.

    `read` tells whether the documents were fetched; that they were said to be there proves less.
    """
    if status is Status.AVAILABLE:
        if depth in (None, Depth.RESOLVE):
            return proof
        before = proof if digest == proof.digest else Proof()
        return Proof(
            digest=digest,
            manifest_at=at if read else before.manifest_at,
            blobs_at=at if depth is Depth.BLOBS else before.blobs_at,
        )
    if status not in (Status.UNAVAILABLE, Status.DEGRADED):
        return proof
    if stage in BLOB_STAGES:
        # Whoever gets as far as a blob has read the manifest that names it.
        return Proof(digest=digest, manifest_at=at)
    return replace(proof, manifest_at=None)


def next_depth(
    proof: Proof, *, digest: str | None, now: datetime, forced: Depth | None, cadences: Cadences = USUAL
) -> Depth:
    """Return the depth of the next check of an image whose last seen digest is `digest`.

    `forced` is the operator's choice, if there is one. A failure at a blob is followed by checks that reach the
    blobs, until one is good: a shallower check would call the image available again.
    """
    if forced is not None:
        return forced
    if proof == NOTHING_PROVED or digest != proof.digest:
        return Depth.PLATFORM
    if _lapsed(proof.blobs_at, cadences.blobs, now):
        return Depth.BLOBS
    return Depth.PLATFORM if _lapsed(proof.manifest_at, cadences.manifest, now) else Depth.RESOLVE


def is_reread_due(proof: Proof, *, digest: str | None, now: datetime, cadences: Cadences = USUAL) -> bool:
    """Tell whether documents are to be read though their bytes be known: that HEAD finds them proves less."""
    return digest != proof.digest or _lapsed(proof.manifest_at, cadences.manifest, now)


def _lapsed(proved_at: datetime | None, cadence: timedelta, now: datetime) -> bool:
    return proved_at is None or now - proved_at >= cadence


def needs_depth(*, ballot: str | None, status: str, stage: str | None, reason: str, warnings: Iterable[str]) -> bool:
    """Tell whether a resolve would call an image well though it fails: it does so where a resolve does not look.

    Where the last outcome could not tell, it is not known where the failure is.
    """
    if ballot != Ballot.BAD:
        return False
    if ballot_of(Status(status), reason) is not Ballot.BAD or stage in _DEEP_STAGES:
        return True
    return stage == Stage.MANIFEST and (reason in _OF_CONTENT or Warn.HEAD_GET_DISAGREE in warnings)
