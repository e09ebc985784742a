"""Screening of RabbitMQ's deliveries: what JSON says, and what only a binary table can."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from struct import pack
from typing import Any

import pytest
from amqp import Message
from amqp.exceptions import UnexpectedFrame
from amqp.spec import Basic
from celery import Celery
from hypothesis import given
from hypothesis import strategies as st

from probes.broker.amqp import Content, Frames
from probes.broker.delivery import Delivery, screen_delivery
from probes.trust.refusal import RefusalCause, Refused

TASKS = frozenset({"probes.ingest"})
APP = Celery("tests", fixups=[], set_as_current=False)


def delivery(
    task: str = "probes.ingest", *, args: Any = ({"v": 1},), body: Any = None, **properties: Any
) -> Delivery:
    headers, known, made, _ = APP.amqp.as_task_v2("3f0c", task, args=tuple(args), kwargs={})
    text = body if isinstance(body, bytes) else json.dumps(body if body is not None else made).encode()
    return Delivery(
        {
            **known,
            "content_type": "application/json",
            "content_encoding": "utf-8",
            "application_headers": {**headers, **properties.pop("headers", {})},
            **properties,
        },
        text,
        len(text),
    )


def refusal_of(made: Delivery, **options: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        screen_delivery(made, **options)
    return refused.value


def test_message_of_the_pipeline_passes() -> None:
    screen_delivery(delivery(), tasks=TASKS)


def test_open_queue_takes_any_task() -> None:
    screen_delivery(delivery("probes.tick", args=(), headers={"expires": "2026-01-01T00:00:00+00:00"}))


@pytest.mark.parametrize(
    ("made", "cause"),
    [
        (Delivery(None, b"[[{}], {}, {}]", 14), "malformed"),
        (Delivery({}, b"[[{}], {}, {}]", 14), "content_type"),
        (delivery(content_type="text/xml"), "content_type"),
        (delivery(content_encoding="binary"), "content_type"),
        (delivery(headers={"compression": "zlib"}), "content_type"),
        (delivery(application_headers=None), "malformed"),
        (delivery(headers={"task": None}), "malformed"),
        (delivery(headers={"x": b"\xff"}), "malformed"),
        (delivery(headers={b"\xff": 1}), "malformed"),
        (delivery(headers={"x": datetime(2026, 1, 1, tzinfo=UTC)}), "malformed"),
        (delivery(headers={"x": Decimal(1)}), "malformed"),
        (delivery(headers={"x": float("nan")}), "malformed"),
        (delivery(headers={"x": "\ud800"}), "malformed"),
        (delivery(headers={"x": {"__type__": "date", "__value__": 5}}), "malformed"),
        (delivery(body=b""), "malformed"),
        (delivery(body=b"\xff"), "malformed"),
        (delivery(body=7), "malformed"),
        (delivery(body=[[], {}]), "malformed"),
    ],
)
@pytest.mark.parametrize("tasks", [None, TASKS])
def test_message_that_celery_would_stumble_over_is_refused_on_every_queue(
    made: Delivery, cause: str, tasks: frozenset[str] | None
) -> None:
    assert refusal_of(made, tasks=tasks).cause == cause


@pytest.mark.parametrize(
    ("made", "cause"),
    [
        (delivery("probes.tick"), "unknown_task"),
        (delivery(args=("text",)), "malformed"),
        (delivery(headers={"eta": "2099-01-01T00:00:00+00:00"}), "malformed"),
        (delivery(headers={"CC": ["control"]}), "malformed"),
        (delivery(body=[[{}], {}, {"chain": [{"task": "probes.tick"}]}]), "malformed"),
    ],
)
def test_message_that_asks_for_more_is_refused_where_outsiders_may_write(made: Delivery, cause: str) -> None:
    assert refusal_of(made, tasks=TASKS).cause == cause
    screen_delivery(made)


def test_size_comes_first() -> None:
    refused = refusal_of(Delivery({}, b"", 1001), max_bytes=1000)
    assert (refused.cause, refused.detail) == (RefusalCause.OVERSIZED, "a message of 1001 bytes")


class Wire:
    """A connection's frames, and what came of them."""

    bytes_recv = 0

    def __init__(self, max_bytes: int = 100) -> None:
        self.seen: list[Any] = []
        self.frames = Frames(self, lambda *method: self.seen.append(method), max_bytes=max_bytes)

    def deliver(self, properties: bytes, *chunks: bytes) -> Content:
        self.frames((1, 7, pack(">HH", *Basic.Deliver)))
        self.frames((2, 7, pack(">HxxQ", Basic.CLASS_ID, sum(map(len, chunks))) + properties))
        for chunk in chunks:
            self.frames((3, 7, chunk))
        channel, method, _, content = self.seen.pop()
        assert (channel, method) == (7, Basic.Deliver)
        assert isinstance(content, Content)
        return content


def test_body_is_put_together_from_its_frames() -> None:
    made: Any = Message("", content_type="application/json")
    properties = made._serialize_properties()  # noqa: SLF001
    assert Wire().deliver(properties, b"one ", b"two").delivery() == Delivery(
        {"content_type": "application/json"}, b"one two", 7
    )


def test_body_that_is_too_long_is_not_kept() -> None:
    wire = Wire(max_bytes=5)
    assert wire.deliver(b"\0\0", b"one ", b"two").delivery() == Delivery({}, b"", 7)
    assert wire.deliver(b"\0\0", b"three").delivery() == Delivery({}, b"three", 5)


def test_message_without_a_body_is_one() -> None:
    assert Wire().deliver(b"\0\0").delivery() == Delivery({}, b"", 0)


@given(st.binary(max_size=60))
def test_properties_of_any_bytes_never_raise(properties: bytes) -> None:
    wire = Wire()
    wire.deliver(properties, b"x").delivery()
    assert wire.deliver(b"\0\0", b"next").delivery().body == b"next"


def test_heartbeat_comes_between_any_two_frames() -> None:
    wire = Wire()
    assert not wire.frames((8, 0, b""))
    wire.frames((1, 7, pack(">HH", *Basic.Deliver)))
    assert not wire.frames((8, 0, b""))
    wire.frames((2, 7, pack(">HxxQ", Basic.CLASS_ID, 0) + b"\0\0"))
    assert len(wire.seen) == 1
    assert wire.bytes_recv == 4


@pytest.mark.parametrize("kind", [2, 3])
def test_frame_out_of_order_is_the_brokers_fault(kind: int) -> None:
    with pytest.raises(UnexpectedFrame):
        Wire().frames((kind, 7, b""))
