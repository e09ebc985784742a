"""Whatever lies in the queue: it is counted and dropped, its neighbours are run, and the worker lives.

Without the guard, twelve of these entries end the worker and four more make it drop its connection (ADR 0006).
"""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.edge.region import EdgeProcess, Region

StartEdge = Callable[..., EdgeProcess]


def base64_of(body: Any) -> str:
    return base64.b64encode(json.dumps(body).encode()).decode()


def spoilt(region: Region, **changes: Any) -> bytes:
    entry = region.entry(region.envelope(region.batch("ok")))
    for name, value in changes.items():
        if isinstance(value, dict) and isinstance(entry.get(name), dict):
            entry[name].update(value)
        else:
            entry[name.replace("_", "-")] = value
    return json.dumps(entry).encode()


def lacking(region: Region, *path: str) -> bytes:
    entry = region.entry(region.envelope(region.batch("ok")))
    place = entry
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]
    return json.dumps(entry).encode()


def test_garbage_does_not_cost_its_neighbours(region: Region, edge: StartEdge) -> None:
    malformed = [
        b"garbage",
        b"\xff\xfe",
        b"7",
        b"[1]",
        b"[" * 100_000,
        b'{"a":1,"a":2}',
        lacking(region, "properties"),
        lacking(region, "headers", "task"),
        lacking(region, "headers", "id"),
        spoilt(region, headers=None),
        spoilt(region, headers=[1]),
        spoilt(region, headers={"task": ["x"]}),
        spoilt(region, headers={"timelimit": "x"}),
        spoilt(region, headers={"eta": 5}),
        spoilt(region, headers={"eta": "2099-01-01T00:00:00+00:00"}),
        spoilt(region, headers={"x": {"__type__": "date", "__value__": 5}}),
        spoilt(region, body="@@@"),
        spoilt(region, body=base64.b64encode(b"xx").decode()),
        spoilt(region, body=base64_of(7)),
        spoilt(region, body=base64_of([[], {}])),
        spoilt(region, body=base64_of([{}, {}, {}])),
        spoilt(region, body=base64_of([[], {}, {}])),
        spoilt(region, body=base64_of([["not an envelope"], {}, {}])),
        spoilt(region, body=base64_of([[1], [1], {}])),
        spoilt(region, body=base64_of([[{}], {}, {"callbacks": [{"task": "probes.tick"}]}])),
        spoilt(region, body=base64_of([[{"v": "not an envelope"}], {}, {}])),
    ]
    content_type = [
        b"{}",
        spoilt(region, content_type="application/x-python-serialize"),
        spoilt(region, content_type="text/xml"),
        spoilt(region, headers={"compression": "zlib"}),
    ]
    unknown_task = [spoilt(region, headers={"task": "os.system"})]
    garbage = [*malformed, *content_type, *unknown_task]

    worker = edge()
    sent = []
    for entry in garbage:
        sent.append(region.batch("ok"))
        region.send(region.envelope(sent[-1]))
        region.push(entry)
    sent.append(region.batch("ok"))
    region.send(region.envelope(sent[-1]))

    reports = region.wait_for_reports(len(sent))
    assert {report.batch for report in reports} == {batch.id for batch in sent}
    region.wait_for_refusals(malformed=len(malformed), content_type=len(content_type), unknown_task=len(unknown_task))
    assert worker.log.count("refused a message from probe.eu-west") == len(garbage)
    assert "Traceback" not in worker.log
    assert worker.log.count("Connected to") == 1
    assert len({beat.worker for beat in region.heartbeats()}) == 1


def test_blob_of_fifty_megabytes_is_dropped_unread(region: Region, edge: StartEdge) -> None:
    worker = edge()
    region.push(b'{"body": "' + b"A" * 50_000_000 + b'"}')
    batch = region.batch("ok")
    region.send(region.envelope(batch))
    assert [report.batch for report in region.wait_for_reports(1)] == [batch.id]
    region.wait_for_refusals(oversized=1)
    assert "oversized (an entry of 50000012 bytes)" in worker.log


@pytest.mark.parametrize("entry", [b"garbage", b"7"])
def test_garbage_that_waits_at_the_start_is_no_obstacle(region: Region, edge: StartEdge, entry: bytes) -> None:
    for _ in range(20):
        region.push(entry)
    batch = region.batch("ok")
    region.send(region.envelope(batch))
    edge()
    assert [report.batch for report in region.wait_for_reports(1)] == [batch.id]
    region.wait_for_refusals(malformed=20)
