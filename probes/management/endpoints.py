"""What `manage.py probe` asks of a URL, and what the answer has to be."""

import argparse
from pathlib import Path
from typing import Any, Final, get_args

from django.core.management.base import CommandError, CommandParser

from probes.protocol.endpoint import EndpointPlan, Expectation
from probes.protocol.endpoint.plan import AUTHORIZATION, OLDEST_TLS, TlsMinimum
from probes.protocol.endpoint.problems import MOST_BODY_BYTES
from probes.protocol.endpoint.statuses import ANY_SUCCESS
from probes.protocol.exchange import Method
from probes.protocol.plan import Site

_DEFAULTS: Final[dict[str, Any]] = {
    "method": "GET",
    "header": [],
    "body": "",
    "body_file": None,
    "no_redirects": False,
    "login_header": AUTHORIZATION,
    "tls_minimum": OLDEST_TLS,
    "expect": ANY_SUCCESS,
    "contains": "",
    "matches": "",
    "json_path": "",
    "json_equals": "",
    "latency": 0,
    "certificate_days": 0,
}


def add_arguments(parser: CommandParser) -> None:
    """Add the options that concern URLs alone."""
    group = parser.add_argument_group("of a URL")

    def add(name: str, **more: Any) -> None:
        field = name.removeprefix("--").replace("-", "_")
        group.add_argument(name, default=_DEFAULTS[field], **more)

    add("--method", choices=get_args(Method), help="default GET")
    add("--header", action="append", type=_header, metavar="'NAME: VALUE'", help="repeatable; no logins")
    bodies = group.add_mutually_exclusive_group()
    bodies.add_argument("--body", default="", metavar="TEXT", help="of a POST, PUT, PATCH or DELETE")
    bodies.add_argument("--body-file", type=_body, metavar="FILE", help="likewise")
    add("--no-redirects", action="store_true", help="a redirect is the answer; by default five are followed")
    add("--login-header", metavar="NAME", help="where the login goes, as it is; default Authorization, by its scheme")
    add("--tls-minimum", choices=get_args(TlsMinimum), help="the oldest TLS; default 1.2")
    add("--expect", metavar="STATUSES", help="default 200-299; as in 200,401,500-599")
    add("--contains", metavar="TEXT", help="a text that is to be in the body")
    add("--matches", metavar="PATTERN", help="a pattern of RE2 that is to be found in it")
    add("--json-path", metavar="PATH", help="a path that leads to a value in it: $.status, $.checks[*].state")
    add("--json-equals", metavar="JSON", help='what each value there is to be: "ok" in quotation marks, 3, true')
    add("--latency", type=_whole, metavar="MS", help="degraded if the answer takes longer")
    add("--certificate-days", type=_whole, metavar="DAYS", help="degraded if a certificate is good for less")


def is_url(reference: str) -> bool:
    """Tell whether an argument names an endpoint: images have no scheme."""
    return reference.lower().startswith(("http://", "https://"))


def refuse_without_url(options: dict[str, Any]) -> None:
    """Raise `CommandError` where something is expected of a URL and none is given: it would be passed over."""
    if any(is_url(reference) for reference in options["references"]):
        return
    for name, default in _DEFAULTS.items():
        if options[name] != default:
            raise CommandError(f"--{name.replace('_', '-')} is for URLs, and none is given", returncode=2)


def plan(url: str, options: dict[str, Any], site: Site) -> EndpointPlan:
    """Return the plan of one URL."""
    return EndpointPlan(
        url=url,
        method=options["method"],
        headers=tuple(options["header"]),
        body=options["body"] if options["body_file"] is None else options["body_file"],
        follow_redirects=not options["no_redirects"],
        expect=Expectation(
            statuses=options["expect"],
            contains=options["contains"],
            matches=options["matches"],
            json_path=options["json_path"],
            json_equals=options["json_equals"],
            latency_ms=options["latency"],
            certificate_days=options["certificate_days"],
        ),
        tls_minimum=options["tls_minimum"],
        login_header=options["login_header"],
        site=site,
        timeout_seconds=options["timeout"],
    )


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (colon and name.strip()):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME: VALUE")
    return name.strip(), value.strip()


def _body(path: str) -> str:
    try:
        with Path(path).open(encoding="utf-8") as file:
            return file.read(MOST_BODY_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"{path}: {error}") from None


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)
