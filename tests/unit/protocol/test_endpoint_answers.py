"""What an endpoint answers, held against what is expected of it."""

import zlib
from datetime import timedelta
from typing import Any

import pytest

from probes.protocol.exchange import BodyRule
from probes.protocol.limits import CheckLimits
from probes.protocol.taxonomy import Reason, Stage, Status
from tests.fakes.service import HEALTH, NOON, Answers, Service, moved


@pytest.fixture
def service() -> Service:
    return Service()


def test_expected_answer_is_available(service: Service) -> None:
    """H2."""
    service.at(HEALTH, Answers(204))
    found = service.check()
    assert (found.status, found.reason, found.stage, found.host) == (Status.AVAILABLE, Reason.OK, None, None)
    assert (found.canonical, found.depth, found.digest, found.detail) == (HEALTH, None, None, "")
    assert service.log == [f"GET {HEALTH}"]


@pytest.mark.parametrize("status", [200, 299, 418])
def test_every_status_of_the_set_is_expected(service: Service, status: int) -> None:
    """H2."""
    service.at(HEALTH, Answers(status))
    assert service.check(statuses="200-299, 418").reason is Reason.OK


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, Reason.ENDPOINT_STATUS),
        (304, Reason.ENDPOINT_STATUS),
        (401, Reason.ENDPOINT_DENIED),
        (403, Reason.ENDPOINT_DENIED),
        (501, Reason.ENDPOINT_ERROR),
        (429, Reason.ENDPOINT_THROTTLED),
    ],
)
def test_another_status_says_who_has_to_act(service: Service, status: int, reason: Reason) -> None:
    """H3, H4, H5."""
    service.at(HEALTH, Answers(status))
    found = service.check()
    assert (found.reason, found.stage, found.host) == (reason, Stage.REQUEST, "api.example")
    assert found.detail == f"HTTP {status}, not 200-299"


def test_refusal_that_is_expected_is_what_is_wanted(service: Service) -> None:
    """H2, H4: a check may say that a door is to be shut, or that a service is to be away."""
    service.at(HEALTH, Answers(401), Answers(503), Answers(429))
    for _ in range(3):
        assert service.check(statuses="401,429,503").reason is Reason.OK
    assert len(service.log) == 3


def test_throttling_says_when_it_ends(service: Service) -> None:
    """H5."""
    service.at(HEALTH, Answers(429, headers={"Retry-After": "60"}))
    assert service.check().retry_at == NOON + timedelta(seconds=60)


@pytest.mark.parametrize(
    "body", ["all systems go", b"\xef\xbb\xbfall systems go", "ä all systems go".encode("latin-1")]
)
def test_text_is_found_in_whatever_way_it_is_written(service: Service, body: bytes) -> None:
    """H14."""
    service.at(HEALTH, Answers(body=body))
    assert service.check(contains="systems", matches="^.*s.stems go$").reason is Reason.OK


def test_text_beyond_ascii_is_found(service: Service) -> None:
    """H14: in UTF-8, and where it is no UTF-8, in Latin-1."""
    service.at(HEALTH, Answers(body="geöffnet"), Answers(body="geöffnet".encode("latin-1")))
    assert [service.check(contains="geöffnet", matches="ge.ffnet").reason for _ in range(2)] == [Reason.OK] * 2


@pytest.mark.parametrize(
    ("expected", "detail"),
    [
        ({"contains": "closed"}, "the expected text is not in it"),
        ({"matches": r"version [2-9]\."}, "the pattern is not found in it"),
    ],
)
def test_text_that_is_missing(service: Service, expected: dict[str, Any], detail: str) -> None:
    """H14."""
    service.at(HEALTH, Answers(body="open, version 1.4"))
    found = service.check(**expected)
    assert (found.reason, found.detail) == (Reason.ENDPOINT_CONTENT, detail)


DOCUMENT = (
    '{"status": "degraded", "n": 1, "up": true, "none": null, "checks": [{"name": "db", "s": "up"}, {"s": "up"}]}'
)


@pytest.mark.parametrize(
    "expected",
    [
        {"json_path": "$.status"},
        {"json_path": "$.status", "json_equals": '"degraded"'},
        {"json_path": "$.n", "json_equals": "1.0"},
        {"json_path": "$.none", "json_equals": "null"},
        {"json_path": "$.checks[*].s", "json_equals": '"up"'},
        {"json_path": '$.checks[?@.name == "db"].s', "json_equals": '"up"'},
    ],
)
def test_json_value_that_is_there(service: Service, expected: dict[str, Any]) -> None:
    """H15."""
    service.at(HEALTH, Answers(body=b"\xef\xbb\xbf" + DOCUMENT.encode()))
    assert service.check(**expected).reason is Reason.OK


@pytest.mark.parametrize(
    ("path", "equals", "detail"),
    [
        ("$.state", "", "nothing is at $.state"),
        ("$.status", '"ok"', '"degraded" is at $.status, not "ok"'),
        ("$.up", "1", "true is at $.up, not 1"),
        ("$.n", "true", "1 is at $.n, not true"),
        ("$.checks", "1", "an array is at $.checks, not 1"),
        ("$.checks[0]", "null", "an object is at $.checks[0], not null"),
        ("$.none", "false", "null is at $.none, not false"),
        ("$.checks[*].*", '"up"', '"db" is at $.checks[*].*, not "up"'),
    ],
)
def test_json_value_that_is_another(service: Service, path: str, equals: str, detail: str) -> None:
    """H15."""
    service.at(HEALTH, Answers(body=DOCUMENT))
    found = service.check(json_path=path, json_equals=equals)
    assert (found.reason, found.detail) == (Reason.ENDPOINT_JSON, detail)


@pytest.mark.parametrize("body", ["", "<html>", b"\xff", "{", '{"a": NaN}', b"[" * 200_000, "1e999", b'{"\xba": 1}'])
def test_body_that_is_no_json(service: Service, body: bytes) -> None:
    """H15."""
    service.at(HEALTH, Answers(body=body))
    found = service.check(json_path="$")
    assert (found.reason, found.detail) == (Reason.ENDPOINT_JSON, "it is no JSON")


def test_foreign_value_is_shown_short_and_on_one_line(service: Service) -> None:
    """S20, H21."""
    service.at(HEALTH, Answers(body='{"a": "x\\n\\u202e' + "y" * 5000 + '"}'))
    detail = service.check(json_path="$.a", json_equals="1").detail
    assert detail.isprintable()
    assert len(detail) < 150


@pytest.mark.parametrize(
    "answer",
    [
        Answers(body=b"x" * 64, is_cut=True),
        Answers(body=zlib.compress(b"x" * 65), headers={"Content-Encoding": "deflate"}),
    ],
    ids=["plain", "packed"],
)
def test_body_larger_than_is_read_cannot_be_judged(service: Service, answer: Answers) -> None:
    """H12, H13, S15."""
    service.at(HEALTH, answer)
    found = service.check(contains="y", limits=CheckLimits(endpoint_bytes=64))
    assert (found.reason, found.detail[:18]) == (Reason.ENDPOINT_TOO_LARGE, "more than 64 bytes")
    assert (service.asks[0].body_rule, service.asks[0].limit_bytes) == (BodyRule.BEGINNING, 64)


def test_body_of_which_nothing_is_expected_may_be_of_any_size(service: Service) -> None:
    """H12."""
    service.at(HEALTH, Answers(is_cut=True))
    assert service.check().reason is Reason.OK


def test_body_that_comes_packed_is_unpacked(service: Service) -> None:
    """H13."""
    service.at(HEALTH, Answers(body=zlib.compress(b"all well"), headers={"Content-Encoding": "deflate"}))
    assert service.check(contains="well").reason is Reason.OK


def test_body_in_a_coding_that_nobody_asked_for(service: Service) -> None:
    """H13."""
    service.at(HEALTH, Answers(body=b"\x1b", headers={"Content-Encoding": "br"}))
    found = service.check(contains="well")
    assert (found.reason, found.detail) == (Reason.ENDPOINT_CONTENT, "Content-Encoding 'br'")


def test_slow_answer_is_degraded(service: Service) -> None:
    """H17."""
    service.at(HEALTH, Answers(elapsed_ms=800.4))
    assert service.check(latency_ms=801).reason is Reason.OK
    found = service.check(latency_ms=800)
    assert (found.status, found.reason) == (Status.DEGRADED, Reason.ENDPOINT_SLOW)
    assert (found.stage, found.detail) == (Stage.REQUEST, "800 ms, where 800 ms are allowed")


def test_time_of_every_hop_counts(service: Service) -> None:
    """H17."""
    service.at(HEALTH, moved("/v2/health", elapsed_ms=300))
    service.at("https://api.example/v2/health", Answers(elapsed_ms=300))
    found = service.check(latency_ms=500)
    assert (found.reason, found.stage, found.detail[:6]) == (Reason.ENDPOINT_SLOW, Stage.REDIRECT, "600 ms")


def test_first_try_that_failed_is_not_the_time_of_the_answer(service: Service) -> None:
    """H17."""
    service.at(HEALTH, Answers(503, elapsed_ms=5000), Answers(elapsed_ms=20))
    found = service.check(latency_ms=100)
    assert (found.reason, found.attempts) == (Reason.OK, 2)


@pytest.mark.parametrize(("days", "reason"), [(20, Reason.OK), (21, Reason.CERTIFICATE_EXPIRING)])
def test_certificate_must_be_good_for_as_long_as_is_wanted(service: Service, days: int, reason: Reason) -> None:
    """H16."""
    service.at(HEALTH, Answers(not_after=NOON + timedelta(days=20, hours=5)))
    found = service.check(certificate_days=days)
    assert found.reason is reason
    assert found.detail == ("" if reason is Reason.OK else "20 days left, not 21")


def test_certificate_that_expires_first_of_all_on_the_way_counts(service: Service) -> None:
    """H16."""
    service.at(HEALTH, moved("https://cdn.example/", not_after=NOON + timedelta(days=90)))
    service.at("https://cdn.example/", moved("https://www.example/", not_after=NOON + timedelta(days=3)))
    service.at("https://www.example/", Answers(not_after=NOON + timedelta(days=60)))
    found = service.check(certificate_days=14)
    assert (found.reason, found.host) == (Reason.CERTIFICATE_EXPIRING, "cdn.example")


def test_answer_without_a_certificate_has_none_to_expire(service: Service) -> None:
    """H16: plain HTTP, to where no certificate is expected."""
    service.at(HEALTH, Answers())
    assert service.check(certificate_days=14).reason is Reason.OK


def test_status_outranks_content_and_content_what_only_impairs(service: Service) -> None:
    """H23."""
    late, soon = 900.0, NOON + timedelta(days=1)
    service.at(
        HEALTH,
        Answers(404, "closed", elapsed_ms=late, not_after=soon),
        Answers(200, "closed", elapsed_ms=late, not_after=soon),
        Answers(200, "open", elapsed_ms=late, not_after=soon),
        Answers(200, "open", elapsed_ms=late),
    )
    assert [service.check(contains="open", latency_ms=500, certificate_days=14).reason for _ in range(4)] == [
        Reason.ENDPOINT_STATUS,
        Reason.ENDPOINT_CONTENT,
        Reason.CERTIFICATE_EXPIRING,
        Reason.ENDPOINT_SLOW,
    ]
