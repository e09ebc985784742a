"""Where regions do not agree."""

from collections.abc import Mapping

import pytest

from probes.policy.comparing import Alone, Disagreement, View, alone, disagreements

GOOD, BAD = "available", "unavailable"


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({}, []),
        ({"a": {"status": GOOD}}, []),
        ({"a": {"status": GOOD}, "b": {"status": GOOD}}, []),
        ({"a": {"status": GOOD}, "b": {"status": None}}, []),
        ({"a": {"status": GOOD}, "b": {}}, []),
        (
            {"b": {"status": GOOD}, "c": {"status": BAD}, "a": {"status": GOOD}},
            [Disagreement("status", (View(GOOD, ("a", "b")), View(BAD, ("c",))))],
        ),
        (
            {"a": {"status": BAD, "digest": "2"}, "b": {"status": BAD, "digest": "1"}, "c": {"digest": None}},
            [Disagreement("digest", (View("1", ("b",)), View("2", ("a",))))],
        ),
    ],
)
def test_disagreement_is_told_with_who_sees_what(
    seen: Mapping[str, Mapping[str, str | None]], expected: list[Disagreement]
) -> None:
    assert disagreements(seen) == expected


@pytest.mark.parametrize(
    ("own", "others", "found"),
    [
        ("bad", ["good", "good"], Alone("bad", "good")),
        ("bad", ["good", None], Alone("bad", "good")),
        ("bad", ["good", "bad"], None),
        ("bad", ["good", "worse"], None),
        ("good", ["good"], None),
        ("bad", [None], None),
        ("bad", [], None),
        (None, ["good"], None),
    ],
)
def test_region_is_alone_where_all_others_that_can_tell_say_the_same_of_it(
    own: str | None, others: list[str | None], found: Alone | None
) -> None:
    assert alone(own, others) == found
