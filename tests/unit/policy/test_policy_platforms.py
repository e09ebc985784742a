"""Which platforms of an image are there, as far as checks have looked."""

from datetime import UTC, datetime, timedelta

from probes.policy.platforms import MOST, Listed, listing
from probes.protocol.outcome import PlatformResult
from probes.protocol.taxonomy import Reason

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=6)
KNOWN = {"linux/amd64": Listed(True, NOON), "linux/arm64": Listed(True, NOON)}


def result(platform: str, reason: Reason = Reason.OK) -> PlatformResult:
    return PlatformResult(platform=platform, digest=None, status=reason.status, reason=reason)


def test_check_that_did_not_look_leaves_what_is_known() -> None:
    assert listing(KNOWN, [], at=LATER) is KNOWN


def test_platform_that_fails_for_another_reason_is_there() -> None:
    found = listing({}, [result("linux/amd64", Reason.CHILD_MANIFEST_MISSING), result("linux/arm64")], at=NOON)
    assert found == KNOWN


def test_platform_is_gone_since_it_was_first_found_missing() -> None:
    gone = [result("linux/amd64"), result("linux/arm64", Reason.PLATFORM_MISSING)]
    once = listing(KNOWN, gone, at=LATER)
    assert once == {"linux/amd64": Listed(True, NOON), "linux/arm64": Listed(False, LATER)}
    assert listing(once, gone, at=LATER + timedelta(hours=6)) == once
    assert not listing(KNOWN, [result("linux/amd64", Reason.INDEX_EMPTY)], at=LATER)["linux/amd64"].is_there


def test_platform_that_an_index_no_longer_lists_is_gone_where_all_are_wanted() -> None:
    assert listing(KNOWN, [result("linux/amd64")], at=LATER)["linux/arm64"] == Listed(False, LATER)


def test_nothing_is_said_of_the_platforms_of_a_single_image() -> None:
    assert listing(KNOWN, [result("all")], at=LATER) is KNOWN


def test_no_more_is_remembered_than_a_check_looks_at() -> None:
    many = [result(f"linux/p{number}") for number in range(MOST)]
    assert len(listing(KNOWN, many, at=LATER)) == MOST
    assert listing(KNOWN, [*many, result("linux/last")], at=LATER) is KNOWN
    assert listing(KNOWN, [result("linux/" + "p" * 100)], at=LATER) is KNOWN


def test_listing_is_stored_and_read_again() -> None:
    assert {name: Listed.from_json(item.to_json()) for name, item in KNOWN.items()} == KNOWN
