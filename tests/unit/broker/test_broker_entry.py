"""Screening of queue entries. The pipeline's own messages pass; what each fault does without it is in ADR 0006."""

import base64
import json
from typing import Any

import pytest
from celery import Celery
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.broker.entry import screen
from probes.trust.refusal import RefusalCause, Refused

QUEUE = "results"
TASKS = frozenset({"probes.ingest"})
APP = Celery("tests", fixups=[], set_as_current=False)


def message(task: str = "probes.ingest", args: Any = ({"v": 1},), kwargs: Any = None) -> dict[str, Any]:
    """A message as Celery and kombu make it, up to the last wrapping."""
    headers, properties, body, _ = APP.amqp.as_task_v2("3f0c", task, args=tuple(args), kwargs=kwargs or {})
    return {
        "body": _base64(body),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": {
            **properties,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": "results"},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": "7d1a",
        },
    }


def _base64(body: Any) -> str:
    return base64.b64encode(json.dumps(body).encode()).decode()


def with_headers(**changes: Any) -> dict[str, Any]:
    made = message()
    return {**made, "headers": {**made["headers"], **changes}}


def with_properties(**changes: Any) -> dict[str, Any]:
    made = message()
    return {**made, "properties": {**made["properties"], **changes}}


def with_body(body: Any) -> dict[str, Any]:
    return {**message(), "body": _base64(body)}


def without(*path: str) -> dict[str, Any]:
    made = json.loads(json.dumps(message()))
    place = made
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]
    return dict(made)


def refusal_of(entry: bytes, **options: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        screen(entry, QUEUE, **options)
    return refused.value


def test_message_of_the_pipeline_passes() -> None:
    screen(json.dumps(message()).encode(), QUEUE, tasks=TASKS)


def test_message_that_was_put_back_passes_again() -> None:
    screen(json.dumps(with_headers(redelivered=True)).encode(), QUEUE, tasks=TASKS)


def test_open_queue_takes_any_task_with_any_options() -> None:
    made = message("probes.tick", args=(), kwargs={"force": True})
    made["headers"].update(expires="2026-01-01T00:00:00+00:00", retries=2, timelimit=[50, 40])
    screen(json.dumps(made).encode(), QUEUE)


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"garbage",
        b"\xff\xfe",
        b"7",
        b"[1]",
        b"null",
        b'{"a":1,"a":2}',
        b"[" * 100_000,
        b'{"headers": {"x": 1e999}}',
    ],
)
@pytest.mark.parametrize("tasks", [None, TASKS])
def test_entry_that_is_no_message_is_malformed(entry: bytes, tasks: frozenset[str] | None) -> None:
    assert refusal_of(entry, tasks=tasks).cause == RefusalCause.MALFORMED


_MARKER = {"__type__": "date", "__value__": 5}


@pytest.mark.parametrize(
    ("made", "cause"),
    [
        (without("headers"), "malformed"),
        ({**message(), "headers": [1]}, "malformed"),
        (without("headers", "task"), "malformed"),
        (without("headers", "id"), "malformed"),
        (with_headers(task=["x"]), "malformed"),
        (with_headers(id=7), "malformed"),
        (with_headers(task="x" * 5000), "malformed"),
        (with_headers(timelimit="soon"), "malformed"),
        (with_headers(timelimit=[1]), "malformed"),
        (with_headers(x=_MARKER), "malformed"),
        (with_headers(compression="zlib"), "content_type"),
        (without("properties"), "malformed"),
        (with_properties(delivery_tag=None), "malformed"),
        (with_properties(delivery_info=None), "malformed"),
        (with_properties(delivery_info={"exchange": ""}), "malformed"),
        (with_properties(delivery_info={"exchange": "", "routing_key": "control"}), "malformed"),
        (with_properties(delivery_info={"exchange": "celery", "routing_key": "results"}), "malformed"),
        (with_properties(delivery_info={"exchange": None, "routing_key": ["results"]}), "malformed"),
        (with_properties(body_encoding="rot13"), "malformed"),
        (without("body"), "malformed"),
        ({**message(), "body": "@@@"}, "malformed"),
        ({**message(), "body": "é"}, "malformed"),
        ({**message(), "body": {"a": 1}}, "malformed"),
        ({**message(), "body": base64.b64encode(b"x").decode()}, "malformed"),
        ({**message(), "body": base64.b64encode(b"\xff").decode()}, "malformed"),
        (with_body(7), "malformed"),
        (with_body([[], {}]), "malformed"),
        (with_body([{}, {}, {}]), "malformed"),
        (with_body([[], [], {}]), "malformed"),
        (with_body([[_MARKER], {}, {}]), "malformed"),
        ({**message(), "content-type": "application/x-python-serialize"}, "content_type"),
        ({**message(), "content-type": "text/xml"}, "content_type"),
        ({**message(), "content-encoding": "binary"}, "content_type"),
        ({**message(), "content-type": ["application/json"]}, "content_type"),
        ({}, "content_type"),
    ],
)
@pytest.mark.parametrize("tasks", [None, TASKS])
def test_message_that_kombu_or_celery_would_stumble_over_is_refused_on_every_queue(
    made: dict[str, Any], cause: str, tasks: frozenset[str] | None
) -> None:
    assert refusal_of(json.dumps(made).encode(), tasks=tasks).cause == cause


_NOTHING_MORE = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


@pytest.mark.parametrize(
    ("made", "cause"),
    [
        (message("probes.partitions"), "unknown_task"),
        (message("celery.backend_cleanup"), "unknown_task"),
        (message(args=()), "malformed"),
        (message(args=({}, {})), "malformed"),
        (message(args=("text",)), "malformed"),
        (message(kwargs={"envelope": {}}), "malformed"),
        (with_body([[{}], {}, {**_NOTHING_MORE, "callbacks": [{"task": "probes.tick"}]}]), "malformed"),
        (with_body([[{}], {}, {**_NOTHING_MORE, "errbacks": [{"task": "probes.tick"}]}]), "malformed"),
        (with_body([[{}], {}, {**_NOTHING_MORE, "chain": [{"task": "probes.tick"}]}]), "malformed"),
        (with_headers(eta="2099-01-01T00:00:00+00:00"), "malformed"),
        (with_headers(expires="2099-01-01T00:00:00+00:00"), "malformed"),
        (with_headers(retries=3), "malformed"),
        (with_headers(timelimit=[1, None]), "malformed"),
        (with_headers(group="g"), "malformed"),
        (with_headers(shadow="another name for the log"), "malformed"),
        (with_headers(stamps={"a": "b"}), "malformed"),
        (with_headers(argsrepr="x" * 5000), "malformed"),
        (with_headers(root_id=["r"]), "malformed"),
        (with_headers(surprise="yes"), "malformed"),
    ],
)
def test_message_that_asks_for_more_is_refused_where_outsiders_may_write(made: dict[str, Any], cause: str) -> None:
    entry = json.dumps(made).encode()
    assert refusal_of(entry, tasks=TASKS).cause == cause
    screen(entry, QUEUE)


def test_entry_is_measured_before_it_is_read() -> None:
    refused = refusal_of(b"x" * 1001, max_bytes=1000)
    assert refused.cause == RefusalCause.OVERSIZED
    assert refused.detail == "an entry of 1001 bytes"
    assert refusal_of(b"x" * 1000, max_bytes=1000).cause == RefusalCause.MALFORMED


def test_wrappings_are_parsed_before_a_signature_and_the_envelope_s_body_is_not() -> None:
    """What the screen reads is of strangers, so it is measured and strict; in an envelope's body it does not look."""
    unsigned = {"v": 1, "kind": "report", "body": '{"a":1,"a":2} no JSON at all', "signature": ""}
    screen(json.dumps(message(args=(unsigned,))).encode(), QUEUE, tasks=TASKS)
    in_the_wrapping = _base64([[unsigned], {}, {}]).encode()
    twice = base64.b64encode(base64.b64decode(in_the_wrapping).replace(b'"v": 1', b'"v": 1, "v": 1')).decode()
    assert refusal_of(json.dumps({**message(), "body": twice}).encode(), tasks=TASKS).cause == RefusalCause.MALFORMED


def test_refusal_shows_little_and_nothing_unprintable() -> None:
    detail = refusal_of(json.dumps(message("é\n" * 1000)).encode(), tasks=TASKS).detail
    assert len(detail) <= 100
    assert detail.isascii()
    assert detail.isprintable()


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=5,
)
_names = st.sampled_from(sorted({*message(), *message()["headers"], *message()["properties"]}))


@settings(max_examples=25)
@given(st.dictionaries(_names, _json), st.dictionaries(_names, _json), st.dictionaries(_names, _json))
def test_screening_ends_in_yes_or_a_refusal(
    top: dict[str, Any], headers: dict[str, Any], properties: dict[str, Any]
) -> None:
    made = message()
    made["headers"].update(headers)
    made["properties"].update(properties)
    entry = json.dumps({**made, **top}).encode()
    for tasks in (None, TASKS):
        try:
            screen(entry, QUEUE, tasks=tasks)
        except Refused:
            continue
