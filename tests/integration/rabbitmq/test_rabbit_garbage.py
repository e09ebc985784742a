"""Whatever lies in a queue of RabbitMQ: it is counted and dropped, its neighbours are run, and the worker lives.

The first half is what `tests/integration/edge/test_edge_garbage.py` puts into Redis; the second only AMQP can say.
"""

import json
from collections.abc import Callable
from typing import Any

import amqp
import pytest

from tests.integration.edge.region import EdgeProcess
from tests.integration.rabbitmq.region import NO_PROPERTIES, RabbitRegion, RawMessage, raw_table

StartEdge = Callable[..., EdgeProcess]


def spoilt(region: RabbitRegion, *, body: Any = None, **properties: Any) -> Any:
    """A good message with other properties; `headers` are changed one by one, None takes one away."""
    made: Any = region.message(region.envelope(region.batch("ok")))
    if body is not None:
        made.body = body if isinstance(body, bytes) else json.dumps(body).encode()
    for name, value in properties.pop("headers", {}).items():
        made.headers[name] = value
        if value is None:
            del made.headers[name]
    made.properties.update(properties)
    return made


def nested(depth: int) -> bytes:
    """A header whose value is a table in a table in a table."""
    table = b""
    for _ in range(depth):
        table = b"\x01xF" + len(table).to_bytes(4, "big") + table
    return table


def malformed(region: RabbitRegion) -> list[Any]:
    bodies: list[Any] = [[1], [[], {}], [{}, {}, {}], [[], {}, {}], [[1], [1], {}]]
    return [
        *(spoilt(region, body=body) for body in (b"garbage", b"\xff\xfe", b"7", b"[" * 100_000, b'{"a":1,"a":2}')),
        *(spoilt(region, body=body) for body in bodies),
        spoilt(region, body=[["not an envelope"], {}, {}]),
        spoilt(region, body=[[{}], {}, {"callbacks": [{"task": "probes.tick"}]}]),
        *(spoilt(region, headers={name: None}) for name in ("task", "id")),
        spoilt(region, headers={"task": ["x"]}),
        spoilt(region, headers={"timelimit": "x"}),
        spoilt(region, headers={"eta": 5}),
        spoilt(region, headers={"eta": "2099-01-01T00:00:00+00:00"}),
        spoilt(region, headers={"x": {"__type__": "date", "__value__": 5}}),
        # What only AMQP can say.
        spoilt(region, headers={"x": b"\xff"}),
        spoilt(region, headers={"task": b"\xffprobes.edge.run_batch"}),
        spoilt(region, content_type=b"\xff"),
        spoilt(region, correlation_id=b"\xff"),
        RawMessage(b"[[{}], {}, {}]", raw_table(b"\x01\xffS\x00\x00\x00\x01x")),
        RawMessage(b"[[{}], {}, {}]", raw_table(b"\x01xT" + b"\x7f" * 8)),  # a time beyond the calendar
        RawMessage(b"[[{}], {}, {}]", raw_table(nested(5000))),
        RawMessage(b"", raw_table(b"")),
    ]


def of_another_type(region: RabbitRegion) -> list[amqp.Message]:
    return [
        RawMessage(b"{}", NO_PROPERTIES),
        spoilt(region, content_type="application/x-python-serialize"),
        spoilt(region, content_type="text/xml"),
        spoilt(region, content_encoding="binary"),
        spoilt(region, headers={"compression": "zlib"}),
    ]


def test_garbage_does_not_cost_its_neighbours(region: RabbitRegion, edge: StartEdge) -> None:
    bad = [*malformed(region), spoilt(region, body=[[{"v": "not an envelope"}], {}, {}])]
    other = of_another_type(region)
    unknown_task = [spoilt(region, headers={"task": "os.system"})]
    garbage = [*bad, *other, *unknown_task]

    worker = edge()
    sent = []
    for message in garbage:
        sent.append(region.batch("ok"))
        region.send(region.envelope(sent[-1]))
        region.publish(message)
    # A routing key is the sender's as well, and leads to our queue by a copy.
    copied = spoilt(region, headers={"CC": [region.queue]})
    region.publish(copied, routing_key=b"\xff")
    sent.append(region.batch("ok"))
    region.send(region.envelope(sent[-1]))

    reports = region.wait_for_reports(len(sent))
    assert {report.batch for report in reports} == {batch.id for batch in sent}
    region.wait_for_refusals(malformed=len(bad) + 1, content_type=len(other), unknown_task=len(unknown_task))
    assert worker.log.count("refused a message from probe.eu-west") == len(garbage) + 1
    assert "Traceback" not in worker.log
    assert worker.log.count("Connected to") == 1
    assert len({beat.worker for beat in region.heartbeats()}) == 1
    assert region.waiting == 0


def test_blob_of_fifty_megabytes_is_dropped_unread(region: RabbitRegion, edge: StartEdge) -> None:
    worker = edge()
    region.publish(amqp.Message(b"A" * 50_000_000, content_type="application/json"))
    batch = region.batch("ok")
    region.send(region.envelope(batch))
    assert [report.batch for report in region.wait_for_reports(1)] == [batch.id]
    region.wait_for_refusals(oversized=1)
    assert "oversized (a message of 50000000 bytes)" in worker.log


@pytest.mark.parametrize("content_type", ["application/json", b"\xff"])
def test_garbage_that_waits_at_the_start_is_no_obstacle(
    region: RabbitRegion, edge: StartEdge, content_type: str | bytes
) -> None:
    for _ in range(20):
        region.publish(spoilt(region, body=b"garbage", content_type=content_type))
    batch = region.batch("ok")
    region.send(region.envelope(batch))
    edge()
    assert [report.batch for report in region.wait_for_reports(1)] == [batch.id]
    region.wait_for_refusals(malformed=20)
