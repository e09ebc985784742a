"""How to make the same check elsewhere: the command at a machine, and the call of the API. PURE."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dashboard import words
from probes.models import Endpoint, Resource
from probes.protocol.endpoint.plan import AUTHORIZATION, OLDEST_TLS
from probes.protocol.endpoint.statuses import ANY_SUCCESS
from probes.protocol.plan import DEFAULT_PLATFORM
from probes.protocol.taxonomy import Depth

_LONGEST: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something to copy. `key` is what its element is called, `note` what it does not hold."""

    key: str
    label: str
    text: str
    note: str


def commands(resource: Resource, api_url: str) -> list[Command]:
    """Return what to copy; `api_url` is the address at which the check is ordered over the API."""
    return [
        Command(key="probe", label="From any machine", text=_probe(resource), note=_left_out(resource)),
        Command(
            key="api",
            label="From each region, over the API",
            text=f"curl -sS {shlex.quote(api_url)} -H \"Authorization: Bearer $TOKEN\" --json '{_order(resource)}'",
            note="The token takes the scope probe.",
        ),
    ]


def _order(resource: Resource) -> str:
    return "{}" if resource.is_endpoint else f'{{"depth": "{Depth.BLOBS}"}}'


def _probe(resource: Resource) -> str:
    options = _of_endpoint(Endpoint.of(resource)) if resource.is_endpoint else _of_image(resource)
    words_said = ["manage.py", "probe", *options, resource.canonical]
    return " ".join(shlex.quote(words.shown(word, _LONGEST)) for word in words_said)


def _of_image(resource: Resource) -> Iterator[str]:
    if resource.depth:
        yield from ("--depth", resource.depth)
    if resource.platforms != [DEFAULT_PLATFORM]:
        for platform in resource.platforms:
            yield from ("--platform", platform)
    flags = (
        (resource.strict_platform, "--strict-platform"),
        (resource.check_tag, "--check-tag"),
        (resource.sample_blobs, "--sample"),
        (resource.registry.plain_http, "--plain-http"),
    )
    yield from (flag for is_set, flag in flags if is_set)


def _of_endpoint(endpoint: Endpoint) -> Iterator[str]:
    if not endpoint.follow_redirects:
        yield "--no-redirects"
    options = (
        ("--method", endpoint.method, "GET"),
        ("--login-header", endpoint.login_header, AUTHORIZATION),
        ("--tls-minimum", endpoint.tls_minimum, OLDEST_TLS),
        ("--expect", endpoint.statuses, ANY_SUCCESS),
        ("--contains", endpoint.contains, ""),
        ("--matches", endpoint.matches, ""),
        ("--json-path", endpoint.json_path, ""),
        ("--json-equals", endpoint.json_equals, ""),
        ("--latency", str(endpoint.latency_ms or ""), ""),
        ("--certificate-days", str(endpoint.certificate_days or ""), ""),
    )
    for name, value, usual in options:
        if value != usual:
            yield from (name, value)


def _left_out(resource: Resource) -> str:
    """Return what somebody has to add by himself; nobody may read secrets here."""
    missing = []
    if resource.is_endpoint:
        endpoint = Endpoint.of(resource)
        missing += ["values in the URL's query"] if "…" in resource.canonical else []
        missing += ["headers"] if endpoint.headers else []
        missing += ["the body"] if endpoint.body else []
    missing.append("a login, where it takes one (--username)")
    return f"Add {words.listed(missing)}."
