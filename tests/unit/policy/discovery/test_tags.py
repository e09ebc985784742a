"""Which tags are wanted."""

import time

import pytest

from probes.policy.discovery.tags import FilterRefused, TagFilter

TAGS = ["latest", "1.2.3", "v1.10.0", "1.9", "2.0.0-rc.1", "2.0.0", "1.27-alpine", "main-9", "main-10", "nightly"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (TagFilter(), ["2.0.0", "2.0.0-rc.1", "1.27-alpine", "v1.10.0", "1.9", "1.2.3"]),
        (TagFilter(versions="<2"), ["v1.10.0", "1.9", "1.2.3"]),
        (TagFilter(versions="^1.9"), ["v1.10.0", "1.9"]),
        (TagFilter(versions=">=1 <3", newest=2), ["2.0.0", "v1.10.0"]),
        (TagFilter(versions=">=2.0.0-rc.0"), ["2.0.0", "2.0.0-rc.1"]),
        (TagFilter(pattern="main-[0-9]+"), ["main-10", "main-9"]),
        (TagFilter(pattern="main-[0-9]+", newest=1), ["main-10"]),
        (TagFilter(pattern="main"), []),  # the whole tag
        (TagFilter(pattern="1.*", exclude=(".*-alpine",)), ["1.9", "1.2.3"]),
        (TagFilter(exclude=("[0-9v].*", "main-.*")), ["nightly", "latest"]),
    ],
)
def test_what_is_chosen_newest_first(wanted: TagFilter, expected: list[str]) -> None:
    assert wanted.chosen(TAGS)[: max(len(expected), 1)] == expected


def test_signatures_are_no_images() -> None:
    assert TagFilter().chosen(["sha256-" + "a" * 64 + ".sig", "sha256-" + "a" * 64, "1"]) == ["1"]


def test_each_tag_is_chosen_once() -> None:
    assert TagFilter().chosen(["a", "a"]) == ["a"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (TagFilter(versions="one"), "no range of versions"),
        (TagFilter(pattern="("), "the pattern"),
        (TagFilter(pattern=r"(a)\1"), "the pattern"),
        (TagFilter(exclude=("x" * 501,)), "500 characters"),
        (TagFilter(newest=-1), "the newest"),
    ],
)
def test_what_is_no_filter_is_refused(wanted: TagFilter, said: str) -> None:
    with pytest.raises(FilterRefused, match=said):
        wanted.check()


def test_a_pattern_that_explodes_elsewhere_takes_no_time() -> None:
    began = time.process_time()
    TagFilter(pattern="(a|a)*(a|a)*b").chosen(["a" * 128] * 1000 + ["a" * 127 + str(n) for n in range(9)])
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "tag",
    [
        "9" * 128,
        "9" * 5000,
        "1.0.0-" + "9" * 5000,
        "v" + "1." * 60,
        "-" * 100,
        "1.0.0+" + "a" * 100,
        "1" * 60 + "-" + "9" * 60,
    ],
)
def test_odd_tags_break_nothing(tag: str) -> None:
    assert TagFilter().chosen([tag, "1.0.0"])
    TagFilter(versions="*").chosen([tag])
