"""Verdicts in one sentence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.ballot import Stance
from probes.policy.explanation import sentence
from probes.policy.verdict import Inputs, Presence, Vote, decide
from probes.protocol.taxonomy import Stage, Status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
UP = Vote(
    region="a",
    status=Status.AVAILABLE,
    reason="ok",
    slot=NOON,
    stance=Stance.GOOD,
    since=NOON - timedelta(days=3),
    told_at=NOON,
)
DENIED = replace(
    UP,
    region="b",
    status=Status.DEGRADED,
    reason="blob_backend_denied",
    stage=Stage.LAYER,
    host="blobs.example",
    stance=Stance.BAD,
    since=NOON - timedelta(minutes=78),
)
SLOW = replace(UP, region="d", status=Status.DEGRADED, reason="too_slow", stance=Stance.IMPAIRED)
BACK = replace(UP, stance=Stance.BAD, since=NOON - timedelta(minutes=5))


@pytest.mark.parametrize(
    ("votes", "said"),
    [
        ((UP,), "all is well from 1 fresh region"),
        ((UP, replace(UP, region="b")), "all is well from 2 fresh regions"),
        ((), "0 of 0 regions have a fresh vote, which is too few to tell"),
        (
            (UP, Vote(region="b"), Vote(region="c")),
            "1 of 3 regions have a fresh vote, which is too few to tell",
        ),
        (
            (UP, DENIED, replace(DENIED, region="c", since=NOON - timedelta(minutes=60), detail="layer 4: HTTP 403")),
            (
                "2 of 3 fresh regions cannot read a layer: blobs.example: blob backend denied, layer 4: HTTP 403"
                " since 10:42 UTC"
            ),
        ),
        (
            (UP, replace(DENIED, stage=None, host=None, since=NOON - timedelta(hours=13))),
            "1 of 2 fresh regions fail: blob backend denied since 28 Feb 23:00 UTC",
        ),
        (
            (UP, replace(SLOW, reason="endpoint_slow", stage=Stage.REQUEST, host="api.example", detail="4321 ms")),
            (
                "1 of 2 fresh regions get another answer than expected: api.example: slower than it may be, 4321 ms"
                " since 26 Feb 12:00 UTC"
            ),
        ),
        ((UP, SLOW), "1 of 2 fresh regions fail: too slow since 26 Feb 12:00 UTC"),
        ((BACK,), "1 of 1 fresh region begin to recover from a failure since 11:55 UTC"),
        (
            (DENIED, replace(DENIED, region="c"), replace(UP, presence=Presence.SILENT)),
            (
                "2 of 2 fresh regions cannot read a layer: blobs.example: blob backend denied since 10:42 UTC;"
                " 1 that does not vote now had found it good"
            ),
        ),
        (
            (
                DENIED,
                replace(DENIED, region="c"),
                replace(UP, presence=Presence.SILENT),
                replace(UP, region="d", presence=Presence.EGRESS_DOWN),
            ),
            (
                "2 of 2 fresh regions cannot read a layer: blobs.example: blob backend denied since 10:42 UTC;"
                " 2 that do not vote now had found it good"
            ),
        ),
    ],
)
def test_sentence_says_how_many_cannot_do_what_and_since_when(votes: tuple[Vote, ...], said: str) -> None:
    inputs = Inputs(now=NOON, interval_seconds=300, votes=votes)
    assert sentence(inputs, decide(inputs)) == said


@pytest.mark.parametrize("stage", Stage)
def test_sentence_has_words_for_every_stage(stage: Stage) -> None:
    inputs = Inputs(now=NOON, interval_seconds=300, votes=(replace(DENIED, stage=stage),))
    assert " region fail:" not in sentence(inputs, decide(inputs))


def test_sentence_tells_what_most_of_them_found() -> None:
    refused = replace(DENIED, reason="connect_refused", stage=Stage.MANIFEST, host="ghcr.io")
    votes = (DENIED, replace(refused, region="c"), replace(refused, region="e"))
    inputs = Inputs(now=NOON, interval_seconds=300, votes=votes)
    assert "cannot read the manifest: ghcr.io: connection refused" in sentence(inputs, decide(inputs))
