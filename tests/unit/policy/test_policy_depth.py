"""How deep checks go, told as the history of an image."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.depth import (
    BLOBS_CADENCE,
    MANIFEST_CADENCE,
    NOTHING_PROVED,
    Cadences,
    Proof,
    is_reread_due,
    needs_depth,
    next_depth,
    prove,
)
from probes.protocol.taxonomy import Depth, Reason, Stage, Status, Warn

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64
PROVED = Proof(digest=OLD, manifest_at=NOON, blobs_at=NOON)


def found(
    proof: Proof,
    status: Status = Status.AVAILABLE,
    *,
    stage: Stage | None = None,
    depth: Depth | None = None,
    digest: str | None = OLD,
    at: datetime = NOON,
) -> Proof:
    return prove(proof, status=status, stage=stage, depth=depth, digest=digest, at=at)


def planned(proof: Proof, *, digest: str | None = OLD, now: datetime = NOON, forced: Depth | None = None) -> Depth:
    return next_depth(proof, digest=digest, now=now, forced=forced)


def test_first_check_reads_the_platforms_then_the_blobs_then_resolves() -> None:
    assert planned(NOTHING_PROVED, digest=None) is Depth.PLATFORM
    proof = found(NOTHING_PROVED, depth=Depth.PLATFORM)
    assert planned(proof) is Depth.BLOBS
    proof = found(proof, depth=Depth.BLOBS)
    assert planned(proof) is Depth.RESOLVE


def test_resolving_proves_nothing_deeper() -> None:
    assert found(PROVED, depth=Depth.RESOLVE, at=NOON + timedelta(hours=1)) == PROVED
    assert found(PROVED, depth=None) == PROVED


def test_changed_digest_is_read_anew_with_its_blobs() -> None:
    assert planned(PROVED, digest=NEW) is Depth.PLATFORM
    proof = found(PROVED, depth=Depth.PLATFORM, digest=NEW)
    assert planned(proof, digest=NEW) is Depth.BLOBS


@pytest.mark.parametrize(
    ("age", "depth"),
    [
        (MANIFEST_CADENCE - timedelta(seconds=1), Depth.RESOLVE),
        (MANIFEST_CADENCE, Depth.PLATFORM),
        (BLOBS_CADENCE - timedelta(seconds=1), Depth.PLATFORM),
        (BLOBS_CADENCE, Depth.BLOBS),
    ],
)
def test_unchanged_image_is_read_on_slow_cadences(age: timedelta, depth: Depth) -> None:
    assert planned(PROVED, now=NOON + age) is depth


def test_manifest_read_again_keeps_the_proof_of_the_same_blobs() -> None:
    later = NOON + MANIFEST_CADENCE
    assert found(PROVED, depth=Depth.MANIFEST, at=later) == replace(PROVED, manifest_at=later)


@pytest.mark.parametrize("status", [Status.UNAVAILABLE, Status.DEGRADED])
def test_failure_is_followed_by_a_look_at_the_platforms(status: Status) -> None:
    proof = found(PROVED, status, stage=Stage.MANIFEST)
    assert planned(proof) is Depth.PLATFORM
    assert planned(found(proof, depth=Depth.PLATFORM)) is Depth.RESOLVE


@pytest.mark.parametrize("stage", [Stage.CONFIG, Stage.LAYER])
def test_failure_at_a_blob_is_looked_at_until_the_blobs_are_good(stage: Stage) -> None:
    proof = found(PROVED, Status.UNAVAILABLE, stage=stage, depth=Depth.PLATFORM)
    assert planned(proof) is Depth.BLOBS
    proof = found(proof, Status.DEGRADED, stage=Stage.CONNECT)
    assert planned(proof) is Depth.BLOBS
    assert planned(found(proof, depth=Depth.BLOBS)) is Depth.RESOLVE


@pytest.mark.parametrize("status", [Status.INDETERMINATE, Status.CONFIG_ERROR])
def test_what_could_not_tell_changes_nothing(status: Status) -> None:
    assert found(PROVED, status, stage=Stage.MANIFEST) == PROVED


def test_resource_may_have_cadences_of_its_own() -> None:
    hourly = Cadences(manifest=timedelta(hours=1), blobs=timedelta(hours=2))

    def depth_after(hours: float) -> Depth:
        now = NOON + timedelta(hours=hours)
        return next_depth(PROVED, digest=OLD, now=now, forced=None, cadences=hourly)

    assert [depth_after(hours) for hours in (0.9, 1, 2)] == [Depth.RESOLVE, Depth.PLATFORM, Depth.BLOBS]


class TestReread:
    """E.1: with a forced depth, known documents are only asked for between the manifest's cadences."""

    def test_documents_are_read_at_the_manifests_cadence(self) -> None:
        proof, read_at = NOTHING_PROVED, []
        for hour in range(13):
            now = NOON + timedelta(hours=hour)
            read = is_reread_due(proof, digest=OLD, now=now)
            read_at += [hour] if read else []
            proof = prove(
                proof, status=Status.AVAILABLE, stage=None, depth=Depth.BLOBS, digest=OLD, at=now, read=read
            )
        assert read_at == [0, 6, 12]
        assert proof.blobs_at == NOON + timedelta(hours=12)

    def test_documents_are_read_after_a_failure_and_for_another_digest(self) -> None:
        assert not is_reread_due(PROVED, digest=OLD, now=NOON)
        assert is_reread_due(found(PROVED, Status.UNAVAILABLE, stage=Stage.CHILD), digest=OLD, now=NOON)
        assert is_reread_due(PROVED, digest=NEW, now=NOON)

    def test_unread_documents_of_another_digest_prove_nothing_of_its_manifest(self) -> None:
        proof = prove(
            PROVED, status=Status.AVAILABLE, stage=None, depth=Depth.PLATFORM, digest=NEW, at=NOON, read=False
        )
        assert proof == Proof(digest=NEW)


def test_operator_can_force_any_depth() -> None:
    for depth in Depth:
        assert planned(NOTHING_PROVED, forced=depth) is depth


class TestNeedsDepth:
    @pytest.mark.parametrize(
        ("stage", "reason", "warnings", "needed"),
        [
            (Stage.LAYER, Reason.LAYER_MISSING, [], True),
            (Stage.CHILD, Reason.CHILD_MANIFEST_MISSING, [], True),
            (Stage.MANIFEST, Reason.DIGEST_MISMATCH, [], True),
            (Stage.MANIFEST, Reason.REGISTRY_ERROR, [Warn.HEAD_GET_DISAGREE], True),
            (Stage.MANIFEST, Reason.TAG_NOT_FOUND, [], False),
            (Stage.CONNECT, Reason.CONNECT_TIMEOUT, [], False),
        ],
    )
    def test_a_failure_does_where_a_resolve_does_not_look(
        self, stage: Stage, reason: Reason, warnings: list[str], *, needed: bool
    ) -> None:
        found = needs_depth(ballot="bad", status=reason.status, stage=stage, reason=reason.value, warnings=warnings)
        assert found is needed

    def test_what_was_throttled_after_a_failure_is_not_known_to_be_shallow(self) -> None:
        assert needs_depth(
            ballot="bad", status=Status.INDETERMINATE, stage=Stage.MANIFEST, reason="rate_limited", warnings=[]
        )

    @pytest.mark.parametrize("ballot", [None, "good", "impaired"])
    def test_nothing_else_does(self, ballot: str | None) -> None:
        assert not needs_depth(
            ballot=ballot, status=Status.UNAVAILABLE, stage=Stage.LAYER, reason="layer_missing", warnings=[]
        )
