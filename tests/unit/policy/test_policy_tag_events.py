"""What becomes of tags, in words and facts."""

from datetime import UTC, datetime, timedelta

import pytest

from probes.policy import tag_events
from probes.policy.tag_events import Tagged, move_of
from probes.policy.tags import GONE, THERE, Joined, Move, Split

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
APP = Tagged(resource=7, name="ghcr.io/org/app:1")
MOVE = Move(before=A, after=B, region="eu-west", at=NOON)


def test_move_is_told_with_both_digests() -> None:
    told = tag_events.of_move(APP, MOVE)
    assert (told.kind, told.severity, told.resource, told.region, told.at) == (
        "tag_moved",
        "info",
        7,
        "eu-west",
        NOON,
    )
    assert told.text == (
        "ghcr.io/org/app:1 moved from sha256:aaaaaaaaaaaa to sha256:bbbbbbbbbbbb, as first seen from eu-west."
    )
    assert told.facts == {"before": A, "after": B}


def test_tag_that_is_to_stay_is_told_of_as_critical_under_the_same_key() -> None:
    told = tag_events.of_move(Tagged(resource=7, name="ghcr.io/org/app:1", is_immutable=True), MOVE)
    assert (told.kind, told.severity) == ("immutable_tag_moved", "critical")
    assert "a tag that is to stay" in told.text
    assert told.key == tag_events.of_move(APP, MOVE).key


@pytest.mark.parametrize(
    ("before", "after", "kind", "severity", "words"),
    [
        (THERE, GONE, "platform_vanished", "warning", "ghcr.io/org/app:1 is no longer there for linux/arm64"),
        (GONE, THERE, "platform_appeared", "info", "ghcr.io/org/app:1 is there for linux/arm64"),
    ],
)
def test_platform_is_told_of_by_name(before: str, after: str, kind: str, severity: str, words: str) -> None:
    told = tag_events.of_move(APP, Move(before=before, after=after, region="eu-west", at=NOON), "linux/arm64")
    assert (told.kind, told.severity, told.facts) == (kind, severity, {"platform": "linux/arm64"})
    assert told.text == f"{words}, as first seen from eu-west."


@pytest.mark.parametrize(
    ("move", "platform"),
    [
        (MOVE, ""),
        (Move(before=THERE, after=GONE, region="eu-west", at=NOON), "linux/arm64"),
        (Move(before=GONE, after=THERE, region="eu-west", at=NOON), "linux/arm64"),
    ],
)
def test_move_is_read_back_from_its_event(move: Move, platform: str) -> None:
    told = tag_events.of_move(APP, move, platform)
    assert move_of(told.kind, told.facts, region=told.region, at=told.at) == move


@pytest.mark.parametrize(("is_immutable", "kind"), [(False, "tag_moved"), (True, "immutable_tag_moved")])
def test_tag_beside_a_digest_is_told_of_without_where_it_points(is_immutable: bool, kind: str) -> None:  # noqa: FBT001 - a table's column
    """R13."""
    pinned = Tagged(resource=7, name=f"ghcr.io/org/app:1@{A}", is_immutable=is_immutable)
    told = tag_events.of_pinned(pinned, A, region="eu-west", since=NOON, at=NOON + timedelta(hours=1))
    assert (told.kind, told.facts) == (kind, {"before": A, "after": None})
    later = tag_events.of_pinned(pinned, A, region="us-east", since=NOON, at=NOON + timedelta(hours=2))
    assert later.key == told.key


def test_split_is_told_with_its_lag() -> None:
    split = Split(NOON, {A: ["ap-south"], B: ["eu-west", "us-east"]})
    told = tag_events.of_split(APP, split, now=NOON + timedelta(minutes=31))
    assert told.text == (
        "ghcr.io/org/app:1 has pointed at different digests for 31 min: "
        "sha256:aaaaaaaaaaaa from ap-south; sha256:bbbbbbbbbbbb from eu-west, us-east."
    )
    assert told.facts == {
        "since": "2026-03-01T12:00:00.000Z",
        "lag_seconds": 1860,
        "newest": B,
        "behind": ["ap-south"],
        "digests": {A: ["ap-south"], B: ["eu-west", "us-east"]},
    }


def test_end_of_a_split_tells_how_long_it_lasted() -> None:
    told = tag_events.of_joined(APP, Joined(NOON, NOON + timedelta(hours=3, minutes=20), B))
    assert told.text == "ghcr.io/org/app:1 points at sha256:bbbbbbbbbbbb everywhere, after 3 h 20 min."
    assert (told.kind, told.facts["lasted_seconds"]) == ("tag_joined", 12000)
