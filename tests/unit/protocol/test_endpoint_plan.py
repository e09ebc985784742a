"""What may be asked of an endpoint, and how it travels."""

import json
from dataclasses import replace
from typing import Any

import pytest

from probes.protocol.check import Target, read_plan, target_of
from probes.protocol.conversation import Done
from probes.protocol.endpoint import EndpointPlan, Expectation, problems
from probes.protocol.endpoint.conversation import start
from probes.protocol.plan import Plan, Site
from probes.protocol.taxonomy import Reason, Stage
from tests.fakes.service import HEALTH

BARE = EndpointPlan(url=HEALTH)
FULL = EndpointPlan(
    url="https://api.example:8443/v1/health?deep=yes",
    method="POST",
    headers=(("Accept", "application/json"), ("X-From", "us")),
    body='{"deep": true}',
    follow_redirects=False,
    expect=Expectation(
        statuses="200, 503",
        contains="status",
        matches="up|down",
        json_path="$.status",
        json_equals='"up"',
        latency_ms=800,
        certificate_days=14,
    ),
    tls_minimum="1.3",
    login_header="X-Api-Key",
    site=Site(ca_pem="-----BEGIN CERTIFICATE-----", allow_cidrs=("10.0.0.0/8",), plain_http=True),
    timeout_seconds=12.5,
    fresh=True,
    secret_key="credential-1",
    key="42",
    slot="2026-03-01T12:00:00Z",
)


@pytest.mark.parametrize("plan", [FULL, BARE], ids=["full", "bare"])
def test_plan_arrives_as_it_was_sent(plan: EndpointPlan) -> None:
    assert read_plan(json.loads(json.dumps(plan.to_json()))) == plan
    assert problems(plan) == {}


def test_what_is_at_its_default_does_not_travel() -> None:
    assert BARE.to_json() == {"v": 3, "kind": "http", "url": HEALTH, "site": {}, "timeout_seconds": 25.0}


def test_plan_without_a_kind_is_of_an_image() -> None:
    assert isinstance(read_plan({"reference": "alpine"}), Plan)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "image"},
        {"kind": "tcp"},
        {"url": None},
        {"method": "BREW"},
        {"method": "get"},
        {"headers": {"Accept": "a"}},
        {"headers": [["Accept"]]},
        {"headers": [["Accept", "a", "b"]]},
        {"headers": [["Accept", 1]]},
        {"expect": []},
        {"expect": {"latency_ms": -1}},
        {"expect": {"latency_ms": 0.5}},
        {"expect": {"statuses": 200}},
        {"tls_minimum": "1.1"},
        {"body": None},
        {"timeout_seconds": float("nan")},
        {"site": []},
        {"v": 2},
        {"v": None},
    ],
)
def test_document_that_is_no_plan_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a plan of an endpoint"):
        read_plan({**FULL.to_json(), **change})


def test_redirects_are_followed_unless_it_says_no() -> None:
    assert EndpointPlan.from_json({**BARE.to_json(), "follow_redirects": None}).follow_redirects


@pytest.mark.parametrize(
    ("field", "change", "sentence"),
    [
        ("url", {"url": ""}, "The URL is neither https nor http."),
        ("url", {"url": "ftp://api.example/"}, "The URL is neither https nor http."),
        ("url", {"url": "https://user:pass@api.example/"}, "The URL holds a user name."),
        ("url", {"url": "https://api.example/#top"}, "A fragment (#…) is never sent: leave it out."),
        ("url", {"url": "https://api.example/a b"}, "The URL is too long or holds characters that no URL holds."),
        ("body", {"body": "x"}, "A GET has no body."),
        ("body", {"method": "POST", "body": "ä" * 32_769}, "More than 65536 bytes."),
        ("tls_minimum", {"url": "http://api.example/", "tls_minimum": "1.3"}, "Plain HTTP has no TLS."),
        ("headers", {"headers": (("X", "1"),) * 51}, "More than 50 headers."),
        ("headers", {"headers": (("X", "1" * 8192),)}, "More than 8192 characters."),
        ("headers", {"headers": (("X-A", "1"), ("x-a", "2"))}, "X-A is there twice."),
        ("headers", {"headers": (("X A", "1"),)}, "'X A' is no name of a header."),
        ("headers", {"headers": (("X", "1\r\nHost: a"),)}, "X holds a character that cannot be sent."),
        (
            "headers",
            {"headers": (("authorization", "Basic YTpi"),)},
            "authorization would be stored in clear: use a credential.",
        ),
        (
            "headers",
            {"headers": (("Transfer-Encoding", "chunked"),)},
            "Transfer-Encoding says how a message travels, and is not to be chosen.",
        ),
        ("login_header", {"login_header": "X Key"}, "No header that a login can go into."),
        ("login_header", {"login_header": "Host"}, "No header that a login can go into."),
        ("login_header", {"login_header": "Proxy-Authorization"}, "No header that a login can go into."),
        (
            "login_header",
            {"login_header": "X-Key", "headers": (("x-key", "1"),)},
            "X-Key is among the headers already.",
        ),
    ],
)
def test_request_that_cannot_be_made_says_where(field: str, change: dict[str, Any], sentence: str) -> None:
    """H1, S17."""
    assert problems(replace(BARE, **change)) == {field: sentence}


@pytest.mark.parametrize(
    ("field", "change", "sentence"),
    [
        (
            "statuses",
            {"statuses": "2xx"},
            "'2xx' is no status from 100 to 599, and no range of them such as 200-299.",
        ),
        ("statuses", {"statuses": ""}, "'' is no status from 100 to 599, and no range of them such as 200-299."),
        ("statuses", {"statuses": "299-200"}, "299-200 ends before it begins."),
        ("statuses", {"statuses": ",".join(["200"] * 21)}, "More than 20 parts."),
        (
            "contains",
            {"statuses": "204, 300-399", "contains": "a"},
            "Answers with the expected statuses have no body, or none that is read.",
        ),
        ("contains", {"contains": "a" * 1001}, "More than 1000 characters."),
        ("matches", {"matches": "(a"}, "Missing ): (a."),
        ("matches", {"matches": r"(a)\1"}, r"Invalid escape sequence: \1."),
        ("matches", {"matches": "a" * 501}, "Longer than 500 characters."),
        ("matches", {"matches": "[^a]{200}"}, "Its repetitions make it too large to search for quickly."),
        ("matches", {"matches": "\ud800"}, "Not text in UTF-8."),
        ("json_path", {"json_path": "status"}, "A path begins with $ (at character 1)."),
        ("json_equals", {"json_equals": "1"}, "Say by a JSON path what is to equal it."),
        ("json_equals", {"json_path": "$", "json_equals": "1" * 1001}, "More than 1000 characters."),
        ("latency_ms", {"latency_ms": 120_001}, "From 0 to 120000."),
        ("certificate_days", {"certificate_days": 826}, "From 0 to 825."),
    ],
)
def test_expectation_that_cannot_be_met_says_where(field: str, change: dict[str, Any], sentence: str) -> None:
    """H1."""
    assert problems(EndpointPlan(url=HEALTH, expect=Expectation(**change))) == {field: sentence}


@pytest.mark.parametrize("text", ["ok", "{}", "[1]", "NaN", "'ok'", "[" * 900])
def test_value_is_one_in_json(text: str) -> None:
    """H1: who writes ok means "ok", and is told so."""
    plan = EndpointPlan(url=HEALTH, expect=Expectation(json_path="$", json_equals=text))
    assert problems(plan)["json_equals"].startswith('JSON of one value: a text in quotation marks such as "ok"')


def test_head_is_expected_to_have_no_body() -> None:
    """H1."""
    expect = Expectation(contains="a", matches="b", json_path="$")
    found = problems(EndpointPlan(url=HEALTH, method="HEAD", expect=expect))
    assert found == dict.fromkeys(("contains", "matches", "json_path"), "The answer to a HEAD has no body.")


def test_plain_http_has_no_certificate() -> None:
    """H1."""
    plan = EndpointPlan(url="http://api.example/", expect=Expectation(certificate_days=1))
    assert problems(plan) == {"certificate_days": "Plain HTTP has no certificate."}


def test_plan_with_problems_ends_before_any_packet() -> None:
    """H1."""
    done = start(EndpointPlan(url="https://user:hush@api.example/", body="x"))
    assert isinstance(done, Done)
    found = done.conclusion
    assert (found.reason, found.stage, found.host) == (Reason.ENDPOINT_INVALID, Stage.PARSE, None)
    assert found.detail == "url: The URL holds a user name.; body: A GET has no body."
    assert found.canonical == "https://…@api.example/"


def test_target_is_whom_a_secret_is_bound_to() -> None:
    """H11."""
    assert target_of(FULL) == Target("api.example:8443", "v1/health", "https://api.example:8443/v1/health?deep=…")
    assert target_of(BARE) == Target("api.example", "health", HEALTH)
    assert target_of(EndpointPlan(url="https://api.example")) == Target("api.example", "", "https://api.example")
    assert target_of(EndpointPlan(url="no URL")) is None
    assert target_of(Plan(reference="alpine")) == Target(
        "docker.io", "library/alpine", "docker.io/library/alpine:latest"
    )
    assert target_of(Plan(reference="No Reference")) is None


@pytest.mark.parametrize(("url", "is_plain"), [("http://api.example/", True), (HEALTH, False)])
def test_url_alone_says_whether_it_is_plain_http(url: str, *, is_plain: bool) -> None:
    for plain_http in (True, False):
        plan = EndpointPlan(url=url, site=Site(plain_http=plain_http, ca_pem="a"))
        assert plan.reach == Site(plain_http=is_plain, ca_pem="a")
