"""What was told lately, and which rows are still so after it."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils.safestring import SafeString

from dashboard.live import pieces, tellings
from dashboard.live.pieces import Pieces
from dashboard.live.tellings import Telling, Tellings
from probes.policy.changes import Change


def told(number: int, *topics: str, at: float = 0.0) -> Telling:
    return Telling(number, at, (Change(frozenset(topics)),))


class Told:
    """As much of a hub as rows ask: one that has told all that its tellings hold."""

    def __init__(self) -> None:
        self.tellings = Tellings()

    def is_untold(self, topics: Any, since: str) -> bool:
        return self.tellings.is_untold(topics, int(since.rpartition("-")[2]))


def test_of_what_is_kept_it_is_known_what_was_told_since() -> None:
    kept = Tellings()
    assert kept.since(0) == []
    kept.add(told(1, "resource:1", at=100.0))
    kept.add(told(2, "resource:2", "incidents", at=150.0))
    assert kept.since(1) == [Change(frozenset({"resource:2", "incidents"}))]
    assert kept.since(2) == []
    assert kept.is_untold(["resource:1", "resource:9"], 1)
    assert not kept.is_untold(["resource:1", "incidents"], 1)
    assert kept.is_untold(["incidents"], 2)
    assert [kept.number_at(at, 2) for at in (99.0, 100.5, 151.0)] == [0, 1, 2]


def test_of_what_is_forgotten_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Tellings()
    kept.add(told(1, "resource:1", at=0.0))
    kept.add(told(2, "resource:1", "resource:2", at=1.0))
    kept.add(told(3, "resource:3", at=90.5))
    assert kept.since(0) is None
    assert not kept.is_untold(["resource:9"], 0)
    # The first is gone, and what it told of was told again.
    assert not kept.is_untold(["resource:1"], 1)
    assert kept.is_untold(["resource:9"], 1)
    monkeypatch.setattr(tellings, "MOST_KEPT", 0)
    kept.add(told(4, "resource:4", at=90.6))
    assert kept.since(3) is None
    assert kept.since(4) == []
    assert kept.is_untold(["resource:4"], 4)
    kept.clear()
    kept.add(told(1, "resource:1"))
    assert kept.since(1) == []


def test_nobody_who_asks_meets_what_is_half_forgotten() -> None:
    kept = Tellings()
    others: list[threading.Thread] = []

    kept.add(told(1, "resource:1", at=0.0))
    kept.add(told(2, "resource:2", at=0.0))

    def topics() -> Iterator[str]:
        # By now it was asked whether all since the first is kept.
        thread = threading.Thread(target=kept.add, args=[told(3, "resource:3", at=91.0)])
        thread.start()
        thread.join(0.05)
        others.append(thread)
        yield "resource:2"

    assert not kept.is_untold(topics(), 1)
    others[0].join()
    assert kept.since(1) is None


def test_a_row_is_given_until_it_or_a_region_or_everything_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    hub: Any = Told()
    rows = Pieces(4)
    now = 1000.0
    monkeypatch.setattr("dashboard.live.pieces.time.monotonic", lambda: now)
    rows.keep("a", {1: SafeString("one"), 2: SafeString("two")}, "e-0")
    rows.keep("a", {3: SafeString("three")}, "")
    assert rows.find("a", [1, 2, 3], hub) == {1: "one", 2: "two"}
    assert rows.find("b", [1], hub) == {}
    hub.tellings.add(told(1, "resource:2", "verdicts"))
    assert rows.find("a", [1, 2], hub) == {1: "one"}
    rows.keep("a", {2: SafeString("two again")}, "e-1")
    assert rows.find("a", [1, 2], hub) == {1: "one", 2: "two again"}
    for number, topic in ((2, "regions"), (3, "all")):
        hub.tellings.add(told(number, topic))
        assert rows.find("a", [1, 2], hub) == {}
        rows.keep("a", {1: SafeString("one"), 2: SafeString("two")}, f"e-{number}")
        assert len(rows.find("a", [1, 2], hub)) == 2
    rows.keep("c", dict.fromkeys((7, 8, 9), SafeString("more")), "e-3")
    assert rows.find("a", [1, 2], hub) == {2: "two"}
    now += pieces.KEPT_SECONDS
    assert rows.find("a", [2], hub) == {}
