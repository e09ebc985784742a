"""The spool and the publisher: order kept, bounds kept, and a broker that is away costs nobody time."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from probes.edge.app import INGEST
from probes.edge.link import LinkDown, QueueFull
from probes.edge.publisher import Publisher
from probes.edge.spool import Parcel, Spool


def parcel(name: str, size: int = 1) -> Parcel:
    return Parcel({"body": name}, size)


def names(spool: Spool) -> list[str]:
    held = []
    while first := spool.first():
        held.append(first.envelope["body"])
        spool.sent(first)
    return held


def test_spool_gives_back_in_order() -> None:
    spool = Spool()
    assert [spool.put(parcel(name)) for name in "abc"] == [0, 0, 0]
    assert names(spool) == ["a", "b", "c"]
    assert spool.first() is None


def test_spool_drops_the_oldest_beyond_its_count() -> None:
    spool = Spool(max_reports=2)
    assert [spool.put(parcel(name)) for name in "abcd"] == [0, 0, 1, 1]
    assert names(spool) == ["c", "d"]


def test_spool_drops_the_oldest_beyond_its_bytes() -> None:
    spool = Spool(max_bytes=10)
    assert [spool.put(parcel(name, size)) for name, size in [("a", 4), ("b", 4), ("c", 9)]] == [0, 0, 2]
    assert names(spool) == ["c"]
    assert spool.put(parcel("d", 5)) == 0  # what was sent left its room


def test_spool_keeps_a_newest_report_of_any_size() -> None:
    spool = Spool(max_bytes=10)
    spool.put(parcel("a"))
    assert spool.put(parcel("b", 50)) == 1
    assert names(spool) == ["b"]


def test_report_that_was_dropped_while_it_was_sent_takes_no_other_along() -> None:
    spool = Spool(max_reports=1)
    spool.put(first := parcel("a"))
    spool.put(parcel("b"))
    spool.sent(first)
    assert names(spool) == ["b"]


class FakeLink:
    """A broker that is away as often as it is told to be; `sent` is what arrived."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.tries = 0
        self.is_away = False
        self.is_full = False
        self.closed = False

    def send(self, task: str, envelope: dict[str, Any], *, queue: str) -> None:
        assert (task, queue) == (INGEST, "results")
        self.tries += 1
        if self.is_away:
            raise LinkDown("away")
        if self.is_full:
            raise QueueFull("5000 messages or more wait in results")
        self.sent.append(envelope["body"])

    def queue_length(self, queue: str) -> int:
        raise AssertionError("a publisher has no question")

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def link() -> FakeLink:
    return FakeLink()


@pytest.fixture
def publisher(link: FakeLink, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    monkeypatch.setattr("probes.edge.publisher._FIRST_DELAY_SECONDS", 0.01)
    monkeypatch.setattr("probes.edge.publisher._LONGEST_DELAY_SECONDS", 0.02)
    made = Publisher(link, Spool(max_reports=3))
    made.start()
    yield made
    made.stop(0)


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_reports_are_sent_in_order(publisher: Publisher, link: FakeLink) -> None:
    for name in "abc":
        publisher.put({"body": name})
    wait_for(lambda: link.sent == ["a", "b", "c"])
    assert publisher.stop(1) == 0
    assert link.closed


def test_reports_wait_for_the_broker(publisher: Publisher, link: FakeLink, caplog: pytest.LogCaptureFixture) -> None:
    link.is_away = True
    for name in "ab":
        publisher.put({"body": name})
    wait_for(lambda: link.tries >= 3)
    assert publisher.spooled == 2
    link.is_away = False
    wait_for(lambda: link.sent == ["a", "b"])
    assert caplog.text.count("the broker is away") == 1


def test_reports_wait_while_nobody_takes_those_that_are_there(
    publisher: Publisher, link: FakeLink, caplog: pytest.LogCaptureFixture
) -> None:
    """The broker has all the reports that it may hold: they stay here, and none is lost."""
    link.is_full = True
    for name in "abc":
        publisher.put({"body": name})
    wait_for(lambda: link.tries >= 3)
    assert (publisher.spooled, publisher.dropped) == (3, 0)
    link.is_full = False
    wait_for(lambda: link.sent == ["a", "b", "c"])
    assert caplog.text.count("nobody takes them, reports wait: 5000 messages or more wait in results") == 1


def test_reports_without_room_are_counted(publisher: Publisher, link: FakeLink) -> None:
    link.is_away = True
    for name in "abcde":
        publisher.put({"body": name})
    assert (publisher.spooled, publisher.dropped) == (3, 2)
    link.is_away = False
    wait_for(lambda: link.sent == ["c", "d", "e"])


def test_stop_sends_what_is_left(publisher: Publisher, link: FakeLink) -> None:
    link.is_away = True
    publisher.put({"body": "a"})
    wait_for(lambda: link.tries >= 1)
    threading.Timer(0.05, setattr, (link, "is_away", False)).start()
    assert publisher.stop(2) == 0
    assert link.sent == ["a"]


def test_stop_gives_up_within_its_time(publisher: Publisher, link: FakeLink) -> None:
    link.is_away = True
    publisher.put({"body": "a"})
    began = time.monotonic()
    assert publisher.stop(0.1) == 1
    assert time.monotonic() - began < 1


def test_stop_without_reports_is_at_once(publisher: Publisher) -> None:
    began = time.monotonic()
    assert publisher.stop(10) == 0
    assert time.monotonic() - began < 1
