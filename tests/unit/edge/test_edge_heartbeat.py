"""The heartbeat: what it tells, that it goes on, and when it says that the worker is stuck."""

import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from probes.broker.address import BrokerAddress
from probes.edge.app import HEARTBEAT
from probes.edge.heartbeat import Pulse, Vitals
from probes.edge.link import LinkDown, NotAllowed
from probes.edge.pulse_route import PulseRoute
from probes.edge.settings import EdgeSettings
from probes.edge.waits import Waits
from probes.protocol.batch import MAX_HEARTBEAT_BYTES, Batch, Heartbeat
from probes.protocol.egress import Canary, CanaryRound, Egress, EgressState
from probes.trust.envelope import CONTROL, Kind, open_envelope
from probes.trust.keys import ControlKeys, RegionKeys
from probes.version import VERSION

KEYS = RegionKeys.generate("eu-west", ControlKeys.generate().verify_key)
AT = datetime(2026, 1, 1, tzinfo=UTC)
WORKER, OTHER = (f"00000000-0000-0000-0000-00000000000{number}" for number in (1, 2))


class FakeLink:
    """A broker with `length` messages in our queue; None is a broker that is away.

    `meanwhile` happens while a heartbeat is being sent.
    """

    def __init__(self, length: int | None = 0) -> None:
        self.length = length
        self.closed_to_us: set[str] = set()
        self.beats: list[Heartbeat] = []
        self.queues: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def send(self, task: str, envelope: dict[str, Any], *, queue: str) -> None:
        assert task == HEARTBEAT
        self.meanwhile()
        if queue in self.closed_to_us:
            raise NotAllowed(queue)
        self.queues.append(queue)
        opened = open_envelope(
            envelope,
            kind=Kind.HEARTBEAT,
            recipient=CONTROL,
            verify_keys_of={"eu-west": [KEYS.public.verify_key]}.get,
            max_bytes=MAX_HEARTBEAT_BYTES,
        )
        self.beats.append(Heartbeat.from_json(opened.body))

    def queue_length(self, queue: str) -> int:
        assert queue == "probe.eu-west"
        if self.length is None:
            raise LinkDown("away")
        return self.length

    def close(self) -> None: ...


def pulse(
    link: FakeLink,
    take: Callable[[], Vitals],
    *,
    stuck_seconds: float = 60.0,
    now: Callable[[], datetime] = lambda: AT,
    waits: Waits | None = None,
    worker: str = WORKER,
    route: PulseRoute | None = None,
) -> tuple[Pulse, list[str]]:
    settings = EdgeSettings(broker=BrokerAddress("redis://127.0.0.1:1/0"), keys=KEYS, stuck_seconds=stuck_seconds)
    stuck: list[str] = []
    route = route or PulseRoute()
    beating = Pulse(settings, link, waits or Waits(), route, worker=worker, take=take, on_stuck=stuck.append, now=now)
    return beating, stuck


def told(*, heartbeats_apart: bool, at: datetime = AT, route: PulseRoute | None = None) -> PulseRoute:
    """Return the route of a worker that has a batch with this word on it."""
    route = route or PulseRoute()
    route.hear(
        Batch(
            id="7a0e4c6e-5f0a-4a6e-9d3d-000000000001",
            region="eu-west",
            issued_at=at,
            expires_at=at + timedelta(minutes=1),
            plans=(),
            heartbeats_apart=heartbeats_apart,
        )
    )
    return route


def test_heartbeat_tells_what_the_worker_does() -> None:
    link = FakeLink(length=7)
    beating, stuck = pulse(
        link,
        lambda: Vitals(
            in_flight=40,
            batches_run=3,
            checks_run=300,
            spooled_reports=2,
            dropped_reports=1,
            refused={"malformed": 4},
        ),
    )
    beating.beat()
    beating.beat()
    first, second = link.beats
    assert (first.region, first.version, first.started_at, first.sent_at) == ("eu-west", VERSION, AT, AT)
    assert (first.in_flight, first.batches_run, first.checks_run) == (40, 3, 300)
    assert (first.spooled_reports, first.dropped_reports, first.refused) == (2, 1, {"malformed": 4})
    assert first.queue_length == 7
    assert (first.sequence, second.sequence) == (1, 2)
    assert first.worker == second.worker
    assert stuck == []


def test_heartbeat_tells_of_load_queue_and_egress() -> None:
    link, waits = FakeLink(length=1), Waits()
    egress = Egress(state=EgressState.DOWN, since=AT)
    canary = Canary(url="https://canary.test/", http_status=None, error="dns_temporary", total_ms=5.0)
    canaries = CanaryRound(number=4, ended_at=AT, canaries=(canary,))
    beating, _ = pulse(link, lambda: Vitals(load_per_core=0.5, egress=egress, canaries=canaries), waits=waits)
    for wait_seconds in (3.0, -2.0, 7.0):
        waits.took(wait_seconds)
    beating.beat()
    (beat,) = link.beats
    assert (beat.seats, beat.load_per_core) == (100, 0.5)
    assert (beat.shortest_wait_seconds, beat.longest_wait_seconds) == (-2.0, 7.0)
    assert (beat.egress, beat.canaries) == (egress, canaries)


def test_waits_are_told_once_and_not_lost_with_a_broker_that_is_away() -> None:
    link, waits = FakeLink(length=None), Waits()
    beating, _ = pulse(link, Vitals, waits=waits)
    waits.took(3.0)
    beating.beat()
    link.length = 0
    beating.beat()
    beating.beat()
    assert [beat.longest_wait_seconds for beat in link.beats] == [3.0, None]


def test_batch_that_comes_while_a_heartbeat_is_sent_is_told_by_the_next() -> None:
    """The first takes longest, and meets the batches that waited for the worker."""
    link, waits = FakeLink(), Waits()
    beating, _ = pulse(link, Vitals, waits=waits)
    link.meanwhile = lambda: waits.took(-300.0)
    beating.beat()
    link.meanwhile = lambda: None
    beating.beat()
    beating.beat()
    assert [beat.shortest_wait_seconds for beat in link.beats] == [None, -300.0, None]


def test_heartbeats_go_where_the_newest_batch_says() -> None:
    """A control plane of the version before, which says nothing, reads them from among the reports alone."""
    link, route = FakeLink(), PulseRoute()
    beating, _ = pulse(link, Vitals, route=route)
    beating.beat()
    told(heartbeats_apart=True, route=route)
    beating.beat()
    told(heartbeats_apart=False, at=AT - timedelta(seconds=1), route=route)  # it came late
    beating.beat()
    told(heartbeats_apart=False, at=AT + timedelta(seconds=1), route=route)  # set back to the version before
    beating.beat()
    assert link.queues == ["results", "heartbeats", "heartbeats", "results"]


def test_heartbeat_goes_with_the_reports_while_the_account_is_of_the_version_before() -> None:
    link = FakeLink()
    link.closed_to_us = {"heartbeats"}
    beating, _ = pulse(link, Vitals, route=told(heartbeats_apart=True))
    beating.beat()
    link.closed_to_us.clear()
    beating.beat()
    assert link.queues == ["results", "heartbeats"]
    assert [beat.sequence for beat in link.beats] == [1, 2]


def test_account_that_may_send_nothing_is_told_as_a_broker_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    link = FakeLink()
    link.closed_to_us = {"heartbeats", "results"}
    for route in (PulseRoute(), told(heartbeats_apart=True)):
        pulse(link, Vitals, route=route)[0].beat()
    assert caplog.text.count("no heartbeat: results") == 2


def test_two_workers_of_a_region_can_be_told_apart() -> None:
    link = FakeLink()
    for worker in (WORKER, OTHER):
        pulse(link, lambda: Vitals(heard_issued_at=AT), worker=worker)[0].beat()
    assert [beat.worker for beat in link.beats] == [WORKER, OTHER]
    assert {(beat.host, beat.heard_issued_at) for beat in link.beats} == {(socket.gethostname(), AT)}


def test_broker_that_is_away_is_logged_once_and_not_taken_for_being_stuck(caplog: pytest.LogCaptureFixture) -> None:
    link = FakeLink(length=None)
    beating, stuck = pulse(link, Vitals, stuck_seconds=1e-9)
    for _ in range(3):
        beating.beat()
    assert caplog.text.count("no heartbeat") == 1
    assert stuck == []


def test_worker_that_takes_nothing_from_a_full_queue_is_stuck() -> None:
    beating, stuck = pulse(FakeLink(length=5), lambda: Vitals(popped=9), stuck_seconds=1e-9)
    for _ in range(3):
        beating.beat()
    assert stuck == ["5 messages wait in probe.eu-west and none is taken"]


def test_worker_with_its_hands_full_is_not_stuck() -> None:
    beating, stuck = pulse(FakeLink(length=5), lambda: Vitals(popped=9, batches_in_hand=3), stuck_seconds=1e-9)
    for _ in range(3):
        beating.beat()
    assert stuck == []


@pytest.mark.parametrize(("seconds", "is_stuck"), [(29, False), (31, True)])
def test_batch_long_past_its_expiry_means_the_engine_is_stuck(seconds: int, is_stuck: bool) -> None:  # noqa: FBT001
    vitals = Vitals(batches_in_hand=1, overdue_seconds=seconds)
    beating, stuck = pulse(FakeLink(), lambda: vitals)
    beating.beat()
    assert bool(stuck) is is_stuck


def test_reading_that_fails_does_not_end_the_heartbeats(caplog: pytest.LogCaptureFixture) -> None:
    link, readings = FakeLink(), iter([Vitals()])

    def take() -> Vitals:
        return next(readings)

    settings = EdgeSettings(broker=BrokerAddress("redis://127.0.0.1:1/0"), keys=KEYS, heartbeat_seconds=0.001)
    beating = Pulse(settings, link, Waits(), PulseRoute(), worker=WORKER, take=take, on_stuck=lambda _: None)
    beating.start()
    deadline = time.monotonic() + 5
    while "a heartbeat failed" not in caplog.text:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    beating.stop()
    assert len(link.beats) == 1
