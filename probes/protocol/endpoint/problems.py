"""What is wrong with a plan of an endpoint, by field: told to whoever sets it up, and before any packet."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from probes.protocol.endpoint.json_path import JsonPathInvalid, parse_json_path, read_scalar
from probes.protocol.endpoint.pattern import PatternInvalid, check_pattern
from probes.protocol.endpoint.plan import OLDEST_TLS, EndpointPlan
from probes.protocol.endpoint.statuses import may_have_body, read_statuses
from probes.protocol.plan import Secret
from probes.protocol.urls import UrlRefused, origin_of

MOST_HEADERS: Final = 50
MOST_HEADER_CHARACTERS: Final = 8192
MOST_BODY_BYTES: Final = 64 * 1024
LONGEST_TEXT: Final = 1000
LONGEST_LATENCY_MS: Final = 120_000
MOST_DAYS: Final = 825

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_VALUE: Final = re.compile(r"[ -~]*")
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_LOGINS: Final = frozenset({"authorization", "proxy-authorization"})
_NOT_THEIRS: Final = frozenset(
    {
        *("host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer"),
        *("expect", "accept-encoding", "proxy-connection"),
    }
)
"""Headers that say how a message travels: whoever could write them would choose where it ends, or who reads it."""


def problems(plan: EndpointPlan) -> Mapping[str, str]:
    """Return a sentence for each field that cannot be as it is: of the plan and of its expectation."""
    found: dict[str, str] = {}
    for name, sentence in (*_of_request(plan), *_of_expectation(plan)):
        found.setdefault(name, sentence)
    return found


def login_problem(plan: EndpointPlan, secret: Secret) -> str:
    """Return why `secret` cannot be shown to the endpoint, or nothing. What it says shows nothing of it."""
    if secret.is_anonymous:
        return ""
    if not (secret.password or secret.bearer):
        return "the credential is for a registry: an endpoint takes a password or a bearer token"
    if plan.reach.plain_http and not plan.site.plain_http:
        return "the credential would be readable on the way: plain HTTP is not allowed for this host"
    login = secret.bearer or (secret.password if plan.is_login_as_it_is else "")  # as Basic it is in base64
    if not _VALUE.fullmatch(login):
        return f"the credential holds what the header {plan.login_header} cannot"
    return ""


def _of_request(plan: EndpointPlan) -> Iterator[tuple[str, str]]:
    try:
        origin_of(plan.url)
    except UrlRefused as refusal:
        yield "url", _sentence(refusal)
    if "#" in plan.url:
        yield "url", "A fragment (#…) is never sent: leave it out."
    yield from _of_headers(plan)
    if plan.body and plan.method not in _WITH_BODY:
        yield "body", f"A {plan.method} has no body."
    if len(plan.body.encode("utf-8", "replace")) > MOST_BODY_BYTES:
        yield "body", f"More than {MOST_BODY_BYTES} bytes."
    if plan.tls_minimum != OLDEST_TLS and plan.url.startswith("http:"):
        yield "tls_minimum", "Plain HTTP has no TLS."


def _of_headers(plan: EndpointPlan) -> Iterator[tuple[str, str]]:
    names = [name.lower() for name, _ in plan.headers]
    if len(names) > MOST_HEADERS:
        yield "headers", f"More than {MOST_HEADERS} headers."
    if sum(len(name) + len(value) for name, value in plan.headers) > MOST_HEADER_CHARACTERS:
        yield "headers", f"More than {MOST_HEADER_CHARACTERS} characters."
    for name, value in plan.headers:
        if sentence := _header_problem(name, value):
            yield "headers", sentence
        elif names.count(name.lower()) > 1:
            yield "headers", f"{name} is there twice."
    own = plan.login_header.lower()
    if not _NAME.fullmatch(plan.login_header) or own in _NOT_THEIRS or own == "proxy-authorization":
        yield "login_header", "No header that a login can go into."
    elif own in names and own not in _LOGINS:
        yield "login_header", f"{plan.login_header} is among the headers already."


def _header_problem(name: str, value: str) -> str:
    if not _NAME.fullmatch(name):
        return f"{name[:40]!r} is no name of a header."
    if name.lower() in _LOGINS:
        return f"{name} would be stored in clear: use a credential."
    if name.lower() in _NOT_THEIRS:
        return f"{name} says how a message travels, and is not to be chosen."
    return "" if _VALUE.fullmatch(value) else f"{name} holds a character that cannot be sent."


def _of_expectation(plan: EndpointPlan) -> Iterator[tuple[str, str]]:
    expect = plan.expect
    try:
        statuses = read_statuses(expect.statuses)
    except ValueError as error:
        yield "statuses", _sentence(error)
    else:
        yield from _of_body(plan, statuses)
    for name, value, most in (
        ("latency_ms", expect.latency_ms, LONGEST_LATENCY_MS),
        ("certificate_days", expect.certificate_days, MOST_DAYS),
    ):
        if not 0 <= value <= most:
            yield name, f"From 0 to {most}."
    if expect.certificate_days and plan.url.startswith("http:"):
        yield "certificate_days", "Plain HTTP has no certificate."


def _of_body(plan: EndpointPlan, statuses: frozenset[int]) -> Iterator[tuple[str, str]]:
    expect = plan.expect
    texts = {"contains": expect.contains, "matches": expect.matches, "json_path": expect.json_path}
    wanted = [name for name, text in texts.items() if text]
    if plan.method == "HEAD":
        yield from ((name, "The answer to a HEAD has no body.") for name in wanted)
    elif not may_have_body(statuses):
        yield from (
            (name, "Answers with the expected statuses have no body, or none that is read.") for name in wanted
        )
    if len(expect.contains) > LONGEST_TEXT:
        yield "contains", f"More than {LONGEST_TEXT} characters."
    try:
        if expect.matches:
            check_pattern(expect.matches)
    except PatternInvalid as error:
        yield "matches", _sentence(error)
    try:
        if expect.json_path:
            parse_json_path(expect.json_path)
    except JsonPathInvalid as error:
        yield "json_path", _sentence(error)
    yield from _of_value(expect.json_path, expect.json_equals)


def _of_value(path: str, wanted: str) -> Iterator[tuple[str, str]]:
    if not wanted:
        return
    if not path:
        yield "json_equals", "Say by a JSON path what is to equal it."
    if len(wanted) > LONGEST_TEXT:
        yield "json_equals", f"More than {LONGEST_TEXT} characters."
        return
    try:
        read_scalar(wanted)
    except ValueError:
        yield (
            "json_equals",
            'JSON of one value: a text in quotation marks such as "ok", a number, true, false or null.',
        )


def _sentence(error: ValueError) -> str:
    words = str(error)
    return f"{words[0].upper()}{words[1:]}."
