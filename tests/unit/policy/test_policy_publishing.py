"""What a public status page tells of states, and whom it lets put it in a frame."""

import pytest

from probes.policy.access import EVERYTHING, NOTHING
from probes.policy.publishing import (
    EVERYBODY,
    Audience,
    Standing,
    Visibility,
    frame_ancestors,
    is_origin,
    overall,
    shown_of,
    standing_of,
    tells_no_more,
)
from probes.policy.uptime import Shown, Tally


@pytest.mark.parametrize(
    ("counts", "standing"),
    [
        ({}, Standing.UNKNOWN),
        ({Shown.PAUSED: 3}, Standing.UNKNOWN),
        ({Shown.AVAILABLE: 3, Shown.PAUSED: 1}, Standing.AVAILABLE),
        ({Shown.AVAILABLE: 3, Shown.MAINTENANCE: 1}, Standing.MAINTENANCE),
        ({Shown.AVAILABLE: 3, Shown.MAINTENANCE: 1, Shown.UNKNOWN: 1}, Standing.UNKNOWN),
        ({Shown.AVAILABLE: 3, Shown.UNKNOWN: 1, Shown.DEGRADED: 1}, Standing.DEGRADED),
        ({Shown.AVAILABLE: 3, Shown.UNAVAILABLE: 1}, Standing.PARTLY),
        ({Shown.AVAILABLE: 0, Shown.PAUSED: 2, Shown.UNAVAILABLE: 1}, Standing.UNAVAILABLE),
    ],
)
def test_images_stand_together_as_the_worst_of_them(counts: dict[Shown, int], standing: Standing) -> None:
    assert standing_of(counts) is standing


@pytest.mark.parametrize(
    ("standings", "standing"),
    [
        ([], Standing.UNKNOWN),
        ([Standing.AVAILABLE, Standing.AVAILABLE], Standing.AVAILABLE),
        ([Standing.AVAILABLE, Standing.DEGRADED, Standing.UNKNOWN], Standing.DEGRADED),
        ([Standing.AVAILABLE, Standing.UNAVAILABLE], Standing.PARTLY),
        ([Standing.UNAVAILABLE, Standing.UNAVAILABLE], Standing.UNAVAILABLE),
        ([Standing.PARTLY, Standing.MAINTENANCE], Standing.PARTLY),
    ],
)
def test_page_stands_as_the_worst_of_what_it_shows(standings: list[Standing], standing: Standing) -> None:
    assert overall(standings) is standing


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (Tally(), None),
        (Tally(paused=9), None),
        (Tally(available=9, unavailable=1), Shown.UNAVAILABLE),
        (Tally(available=9, degraded=1, unknown=3), Shown.DEGRADED),
        (Tally(available=9, maintenance=3), Shown.AVAILABLE),
        (Tally(maintenance=3, unknown=3), Shown.MAINTENANCE),
        (Tally(unknown=3, paused=3), Shown.UNKNOWN),
    ],
)
def test_day_shows_the_worst_of_what_counts(seconds: Tally, shown: Shown | None) -> None:
    assert shown_of(seconds) is shown


def test_what_is_public_is_seen_by_all_and_the_rest_of_it_by_who_has_logged_in() -> None:
    assert EVERYBODY.sees == (Visibility.PUBLIC,)
    assert EVERYBODY.reach == NOTHING
    assert Audience(is_signed_in=True, reach=EVERYTHING).sees == (Visibility.PUBLIC, Visibility.SIGNED_IN)


@pytest.mark.parametrize(
    "text", ["*", "https://a.example", "http://localhost:8080", "https://*.a.example", "https://a-b.example:1"]
)
def test_origin_is_one(text: str) -> None:
    assert is_origin(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.example",
        "https://a.example/",
        "https://A.example",
        "https://a.example; script-src *",
        "https://a.example https://b.example",
        "https://a.example\n",
        "https://*",
        "javascript://a.example",
        "'self'",
        f"https://{'a' * 260}",
    ],
)
def test_what_would_say_more_in_a_header_is_no_origin(text: str) -> None:
    assert not is_origin(text)


def test_frames_are_for_those_that_were_named_alone() -> None:
    assert frame_ancestors([]) == "'none'"
    assert frame_ancestors(["https://a.example", "https://b.example", "https://a.example", "; x"]) == (
        "https://a.example https://b.example"
    )


@pytest.mark.parametrize(("slug", "name"), [("web-shop", "Web shop"), ("web-shop-2", "Web shop")])
def test_stable_name_that_was_made_of_the_name_tells_no_more(slug: str, name: str) -> None:
    assert tells_no_more(slug, name)


@pytest.mark.parametrize(
    ("slug", "name"), [("ghcr.io-org-app-1", "Web shop"), ("ghcr.io-org-app-1", ""), ("resource", "检查")]
)
def test_stable_name_that_was_made_of_something_else_tells_more(slug: str, name: str) -> None:
    assert not tells_no_more(slug, name)
