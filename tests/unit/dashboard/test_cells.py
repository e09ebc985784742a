"""How a resource looks: from one region, and as a whole."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard.cells import Face, Seen, differ, look_of, name_of, next_check
from dashboard.words import Look
from probes.models import Resource, Verdict
from probes.policy.liveness import RegionCondition
from probes.protocol.taxonomy import Status

NOW = datetime(2024, 11, 23, 14, 30, tzinfo=UTC)
FRESH = NOW - timedelta(seconds=18)
# An interval of a minute is fresh for three and a half.
OLD = NOW - timedelta(seconds=210)


def face(seen: Seen | None, **values: Any) -> Face:
    given: dict[str, Any] = {"condition": RegionCondition.ACTIVE, "aside": None}
    return Face.of(seen, now=NOW, **{**given, "interval_seconds": 60, "stride": 1, **values})


def seen(status: str = "available", reason: str = "ok", slot: datetime = FRESH) -> Seen:
    return Seen(status=status, reason=reason, slot=slot)


@pytest.mark.parametrize("status", Status)
def test_a_fresh_result_looks_like_its_status(status: Status) -> None:
    assert face(seen(status)).look is Look(status)
    assert face(seen(status)).counts


def test_a_failure_says_its_reason_and_good_news_needs_none() -> None:
    assert face(seen("unavailable", "tag_not_found")).reason == "tag not found"
    assert face(seen()).reason == ""


def test_a_face_is_that_of_a_slot() -> None:
    assert face(seen()).at == face(seen(), condition=RegionCondition.SILENT).at == FRESH


def test_a_result_from_a_region_with_a_stride_is_shown_for_longer() -> None:
    assert face(seen(slot=OLD)).look is Look.STALE
    assert face(seen(slot=OLD), stride=2).look is Look.AVAILABLE


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize(
    ("values", "look"),
    [
        ({"condition": RegionCondition.SILENT}, Look.SILENT),
        ({"condition": RegionCondition.EGRESS_DOWN}, Look.EGRESS_DOWN),
        ({"condition": RegionCondition.DRAINING}, Look.PAUSED),
        ({"condition": RegionCondition.PAUSED}, Look.PAUSED),
        ({"condition": RegionCondition.RETIRED}, Look.PAUSED),
        ({"aside": Look.PAUSED}, Look.PAUSED),
        ({"aside": Look.PAUSED, "condition": RegionCondition.SILENT}, Look.PAUSED),
        ({"aside": Look.RETIRED, "condition": RegionCondition.SILENT}, Look.RETIRED),
    ],
)
def test_a_result_without_a_vote_never_looks_like_one(status: str, values: dict[str, Any], look: Look) -> None:
    shown = face(seen(status, "ok"), **values)
    assert (shown.look, shown.counts) == (look, False)
    assert shown.was == f"was {Look(status).label.lower()}"


def test_a_result_grows_stale_at_the_moment_at_which_it_loses_its_vote() -> None:
    just_before = OLD + timedelta(milliseconds=1)
    assert face(seen(slot=just_before)).look is Look.AVAILABLE
    assert face(seen("unavailable", "tag_not_found", OLD)) == Face(
        look=Look.STALE, was="was unavailable: tag not found", at=OLD
    )


def test_a_longer_interval_keeps_a_result_fresh_for_longer() -> None:
    assert face(seen(slot=OLD), interval_seconds=300).look is Look.AVAILABLE


@pytest.mark.parametrize(
    ("condition", "look"),
    [
        (RegionCondition.ACTIVE, Look.UNCHECKED),
        (RegionCondition.ANNOUNCED, Look.UNCHECKED),
        (RegionCondition.SILENT, Look.SILENT),
    ],
)
def test_before_the_first_result_there_is_nothing_to_say(condition: RegionCondition, look: Look) -> None:
    assert face(None, condition=condition) == Face(look=look)


def test_digests_differ_only_between_regions_that_see_the_image_now() -> None:
    assert differ([(Look.AVAILABLE, "sha256:a"), (Look.DEGRADED, "sha256:b")])
    assert not differ([(Look.AVAILABLE, "sha256:a"), (Look.AVAILABLE, "sha256:a")])
    assert not differ([(Look.AVAILABLE, "sha256:a"), (Look.UNAVAILABLE, None)])
    assert not differ([(Look.AVAILABLE, "sha256:a"), (Look.STALE, "sha256:b"), (Look.SILENT, "sha256:c")])


def test_a_verdict_that_lapsed_and_was_not_computed_again_looks_stale() -> None:
    def look(stale_at: datetime | None, *, paused_at: datetime | None = None) -> Look:
        return look_of(Resource(paused_at=paused_at), Verdict(state="available", stale_at=stale_at), NOW)

    assert look(None) is Look.AVAILABLE
    assert look(NOW - timedelta(seconds=29)) is Look.AVAILABLE
    assert look(NOW - timedelta(seconds=30)) is Look.STALE
    assert look(NOW - timedelta(seconds=30), paused_at=NOW) is Look.PAUSED
    assert look_of(Resource(), None, NOW) is Look.UNCHECKED


def test_what_is_retired_looks_so_though_it_is_paused_as_well() -> None:
    retired = Resource(paused_at=NOW, retired_at=NOW)
    assert look_of(retired, Verdict(state="available"), NOW) is Look.RETIRED
    assert next_check(retired, NOW) == "none, it is retired"
    assert next_check(Resource(paused_at=NOW, resume_at=NOW + timedelta(hours=2)), NOW).startswith("paused until ")
    assert next_check(Resource(paused_at=NOW), NOW) == "none while paused"


def test_an_image_without_a_name_goes_by_what_tells_it_apart() -> None:
    assert name_of(Resource(name="shop", repository="org/app", tag="1")) == "shop"
    assert name_of(Resource(repository="org/app", tag="1")) == "org/app:1"
    assert name_of(Resource(repository="org/app", digest="sha256:00")) == "org/app"


def test_endpoint_without_a_name_is_called_by_its_url_without_what_is_secret() -> None:
    """H21."""
    url = "https://api.example/health?token=hush"
    assert name_of(Resource(kind="http", reference=url)) == "api.example/health?token=…"
    assert name_of(Resource(kind="http", reference=url, name="API")) == "API"
