"""How outcomes move the standing of a resource from one region."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.ballot import Stance
from probes.policy.depth import NOTHING_PROVED
from probes.policy.liveness import Hysteresis
from probes.policy.standing import DeepResult, Seen, Standing, advance, deep_result, is_newer, is_news
from probes.protocol.taxonomy import Depth, Stage, Status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DIGEST = "sha256:" + "a" * 64

GOOD = Seen(
    slot=NOON,
    checked_at=NOON + timedelta(seconds=1),
    status=Status.AVAILABLE,
    reason="ok",
    depth=Depth.PLATFORM,
    digest=DIGEST,
    warnings=("tag_moved",),
)
BAD = replace(
    GOOD,
    status=Status.UNAVAILABLE,
    reason="tag_not_found",
    stage=Stage.MANIFEST,
    host="ghcr.io",
    depth=None,
    digest=None,
    warnings=(),
)
UNCLEAR = replace(BAD, status=Status.INDETERMINATE, reason="rate_limited")


def after(*seen: Seen) -> Standing:
    """Return the standing after outcomes at noon, a minute past, two minutes past and so on."""
    standing = None
    for minutes, item in enumerate(seen):
        standing = advance(standing, replace(item, slot=NOON + minutes * MINUTE))
    assert standing is not None
    return standing


def test_first_outcome_makes_the_standing() -> None:
    standing = after(GOOD)
    assert (standing.status, standing.since, standing.last_slot) == (Status.AVAILABLE, NOON, NOON)
    assert standing.poll
    assert (standing.poll.consecutive_successes, standing.poll.stance) == (1, Stance.GOOD)
    assert (standing.digest, standing.warnings) == (DIGEST, ("tag_moved",))
    assert standing.proof.manifest_at == NOON


def test_first_outcome_may_be_a_failure() -> None:
    standing = after(BAD)
    assert (standing.reason, standing.stage, standing.host) == ("tag_not_found", Stage.MANIFEST, "ghcr.io")
    assert standing.digest is None
    assert standing.proof == NOTHING_PROVED


def test_same_status_keeps_since_and_counts_on() -> None:
    standing = after(BAD, BAD, replace(BAD, reason="auth_denied"))
    assert (standing.since, standing.last_slot) == (NOON, NOON + 2 * MINUTE)
    assert standing.poll
    assert (standing.poll.consecutive_failures, standing.poll.stance, standing.poll.since) == (3, Stance.BAD, NOON)


def test_other_status_begins_anew() -> None:
    standing = after(GOOD, GOOD, BAD)
    assert standing.since == NOON + 2 * MINUTE
    assert standing.poll
    assert (standing.poll.consecutive_successes, standing.poll.consecutive_failures) == (0, 1)


def test_digest_survives_a_failure() -> None:
    assert after(GOOD, BAD).digest == DIGEST


def test_what_could_not_tell_does_not_end_a_run() -> None:
    poll = after(BAD, UNCLEAR, BAD).poll
    assert poll
    assert (poll.consecutive_failures, poll.failing.since) == (2, NOON)


def test_before_anything_could_be_told_there_is_no_poll() -> None:
    assert after(UNCLEAR).poll is None


def test_thresholds_are_those_of_the_resource() -> None:
    nervous = advance(after(GOOD), replace(BAD, slot=NOON + MINUTE), Hysteresis(enter=1, leave=1)).poll
    assert nervous
    assert nervous.stance is Stance.BAD


def test_only_a_later_slot_is_newer() -> None:
    standing = after(GOOD, GOOD)
    assert is_newer(None, GOOD)
    assert not is_newer(standing, replace(GOOD, slot=standing.last_slot))
    assert is_newer(standing, replace(GOOD, slot=standing.last_slot + MINUTE))


NEXT = replace(GOOD, slot=NOON + MINUTE)


@pytest.mark.parametrize(
    ("standing", "seen", "news"),
    [
        (None, GOOD, True),
        (after(GOOD), NEXT, False),
        (after(GOOD), replace(NEXT, digest=None), False),
        (after(GOOD), replace(NEXT, digest="sha256:" + "b" * 64), True),
        (after(GOOD), replace(NEXT, reason="other"), True),
        (after(BAD), NEXT, True),
        (after(BAD), replace(BAD, slot=NOON + MINUTE), True),
        (after(GOOD, GOOD), GOOD, True),
    ],
    ids=["first", "same", "no digest told", "digest", "reason", "recovered", "still bad", "late"],
)
def test_news_is_what_the_row_before_did_not_tell(standing: Standing | None, seen: Seen, news: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_news(standing, seen) is news


DEEP = replace(GOOD, depth=Depth.BLOBS)
HOLE = replace(BAD, reason="layer_missing", stage=Stage.LAYER)


@pytest.mark.parametrize(
    "seen",
    [
        (DEEP,),
        (GOOD, DEEP),
        (HOLE,),
        (DEEP, HOLE),
        (HOLE, DEEP),
        (HOLE, replace(HOLE, reason="blob_denied", status=Status.DEGRADED)),
        (HOLE, BAD, DEEP),
    ],
)
def test_check_of_layers_tells_what_was_not_known(seen: tuple[Seen, ...]) -> None:
    before, now = after(*seen[:-1]) if seen[:-1] else None, after(*seen)
    follows_failure = seen[:-1][-1:] == (HOLE,)
    assert deep_result(before, now) == DeepResult(
        status=seen[-1].status, reason=seen[-1].reason, slot=now.last_slot, follows_failure=follows_failure
    )


@pytest.mark.parametrize(
    "seen",
    [
        (GOOD,),
        (BAD,),
        (DEEP, DEEP),
        (DEEP, GOOD),
        (HOLE, HOLE),
        (HOLE, replace(HOLE, reason="rate_limited", status=Status.INDETERMINATE)),
        (DEEP, BAD, GOOD),
    ],
)
def test_check_tells_nothing_of_layers_that_was_known(seen: tuple[Seen, ...]) -> None:
    assert deep_result(after(*seen[:-1]) if seen[:-1] else None, after(*seen)) is None
