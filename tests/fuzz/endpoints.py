"""What a user writes for the check of an endpoint, and what the endpoint answers to it."""

from collections.abc import Hashable
from typing import Final

from probes.protocol.endpoint import Expectation
from probes.protocol.endpoint.json_path import JsonPathInvalid, parse_json_path
from probes.protocol.endpoint.judgement import judge_content
from probes.protocol.endpoint.pattern import LONGEST_PATTERN, PatternInvalid, check_pattern
from probes.protocol.endpoint.statuses import read_statuses
from probes.protocol.exchange import Headers, Reply
from tests.fakes.service import NOON

_DOCUMENT: Final = {"a": [{"name": "x", "b": 1}, {"name": "y", "b": True}], "b": {"c": None}, "é": 1.5, "1": []}
_EXPECTED: Final = Expectation(contains="a", matches="(a|b)*a(a|b){20}|\\d+", json_path="$.a[*].b", json_equals="1")
_LIMIT_BYTES: Final = 4096


def check_json_path(data: bytes) -> Hashable:
    text = data.decode("utf-8", "surrogateescape")
    try:
        path = parse_json_path(text)
    except JsonPathInvalid as refusal:
        assert 0 <= refusal.position <= len(text)
        assert text[:1] != "$" or refusal.position > 0
        return str(refusal)[:12]
    found = path.select(_DOCUMENT)
    assert len(found) <= 20, "more than there is"
    return len(path.segments), len(found)


def check_statuses(data: bytes) -> Hashable:
    text = data.decode("utf-8", "surrogateescape")
    try:
        statuses = read_statuses(text)
    except ValueError as refusal:
        return str(refusal)[-12:]
    assert statuses
    assert all(100 <= status <= 599 for status in statuses)
    return len(statuses)


def check_user_pattern(data: bytes) -> Hashable:
    text = data.decode("utf-8", "surrogateescape")
    try:
        check_pattern(text)
    except PatternInvalid as refusal:
        assert str(refusal)
        return str(refusal)[:12]
    assert len(text) <= LONGEST_PATTERN
    return len(text) // 8


def check_answer(data: bytes) -> Hashable:
    """The first line is the Content-Encoding, the rest the body."""
    coding, _, body = data.partition(b"\n")
    headers = Headers.of([("content-encoding", coding.decode("latin-1"))])
    reply = Reply(ask_id=0, status=200, headers=headers, body=body, received_at=NOON)
    fallen = judge_content(_EXPECTED, reply, _LIMIT_BYTES)
    if fallen is None:
        return "as expected"
    assert fallen.detail.isprintable()
    assert len(fallen.detail) < 300
    return fallen.reason, fallen.detail[:16]
