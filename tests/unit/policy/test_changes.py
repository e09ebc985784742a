"""What the database tells of a change, and who hears of it."""

import pytest

from probes.policy.access import EVERYTHING, Reach
from probes.policy.changes import LONGEST_CHECKED, Change, changes, checked

OURS = Reach(groups=frozenset({3}))
FROM_HERE = Reach(regions=frozenset({7}))


@pytest.mark.parametrize(
    ("payload", "topics"),
    [
        ("resource 12 3 ghcr.io verdict", {"resource:12", "registry:ghcr.io", "verdicts"}),
        ("resource 12 3 - state", {"resource:12"}),
        ("checked 12:3", {"checked:12"}),
        ("incident 5 - 12 3 ghcr.io", {"incident:5", "incidents", "resource:12", "registry:ghcr.io"}),
        ("incident 5 4 - 3 -", {"incident:5", "incident:4", "incidents"}),
        ("event 12 3 ghcr.io", {"events", "resource:12", "registry:ghcr.io"}),
        ("event - 3 -", {"events"}),
        ("region 7 eu-west", {"region:eu-west", "regions"}),
        ("all", {"all"}),
    ],
)
def test_a_payload_names_topics(payload: str, topics: set[str]) -> None:
    (change,) = changes(payload)
    assert change.topics == topics


@pytest.mark.parametrize(
    "payload", ["", "weather 3", "resource 12", "resource x 3 - state", "checked 1:x", "region a b"]
)
def test_what_is_of_another_version_tells_nothing(payload: str) -> None:
    assert changes(payload) == []


@pytest.mark.parametrize(
    ("payload", "reach", "is_heard"),
    [
        ("resource 12 3 ghcr.io state", OURS, True),
        ("resource 12 4 ghcr.io state", OURS, False),
        ("resource 12 - ghcr.io state", OURS, False),
        ("resource 12 - ghcr.io state", EVERYTHING, True),
        ("resource 12 - ghcr.io state", FROM_HERE, True),
        ("incident 5 - - 4,3,- ghcr.io", OURS, True),
        ("incident 5 - - ? ghcr.io", OURS, False),
        ("incident 5 - - ? ghcr.io", EVERYTHING, True),
        ("region 7 eu-west", FROM_HERE, True),
        ("region 8 us-east", FROM_HERE, False),
        ("all", OURS, True),
    ],
)
def test_nobody_hears_of_what_is_beyond_reach(payload: str, reach: Reach, *, is_heard: bool) -> None:
    (change,) = changes(payload)
    assert change.is_within(reach) is is_heard


def test_what_was_checked_is_told_in_payloads_that_are_not_too_long() -> None:
    resources = [(10**9 + number, 10**6 if number % 2 else None) for number in range(LONGEST_CHECKED + 1)]
    payloads = list(checked(resources))
    assert len(payloads) == 2
    assert all(len(payload) < 8000 for payload in payloads)
    told = [change for payload in payloads for change in changes(payload)]
    assert told[1] == Change(frozenset({f"checked:{10**9 + 1}"}), frozenset({10**6}))
    assert told[-1] == Change(frozenset({f"checked:{10**9 + LONGEST_CHECKED}"}), frozenset({None}))
    assert list(checked(())) == []
