"""What the REST API takes: lists, details, comparisons and figures, over 3 days of history and over 30.

    KAIROS_BENCH_RESOURCES=10000 python -m tests.bench api

There are 100,000 resources unless that says otherwise, seen from ten regions (`tests.bench.estate`). The web server
is the real one, one process as `make up` has it, and is asked one thing after the other over one connection. Each
answer is read to its end. The bar is 150 ms for 95 of 100 answers, and that none grows with the history.
"""

import http.client
import json
import os
import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import django
from django.core.management import call_command

from kairos.child import Child, common_environment
from kairos.embedded import free_port
from tests.bench.figures import Figure, at_most
from tests.servers import SessionServers, running

RESOURCES: Final = int(os.environ.get("KAIROS_BENCH_RESOURCES", "100000"))
DAYS: Final = (3, 30)
TIMES: Final = 40
BAR_MS: Final = 150.0
BAR_RATIO: Final = 1.5
FLAT_BELOW_MS: Final = 20.0
"""Whatever is faster than this may vary more: of so little the machine decides."""
ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Answers:
    """How long the answers to one question took, in milliseconds, and how many bytes one has."""

    milliseconds: list[float]
    size: int

    @property
    def p50(self) -> float:
        return statistics.median(self.milliseconds)

    @property
    def p95(self) -> float:
        return sorted(self.milliseconds)[len(self.milliseconds) * 95 // 100 - 1]


def measured() -> list[Figure]:
    """Run it. Takes some minutes, and some gigabytes."""
    servers = SessionServers()
    servers.make_keys()
    servers.postgres.prepare()
    try:
        with running(servers.postgres.child(), is_ready=servers.postgres.is_ready):
            os.environ.update(servers.environment, DJANGO_SETTINGS_MODULE="kairos.settings")
            django.setup()
            call_command("migrate", verbosity=0)
            return _run(servers.environment["KAIROS_STATE_DIR"])
    finally:
        servers.remove()


def _run(state: str) -> list[Figure]:
    from tests.bench.estate import REGIONS, Estate  # noqa: PLC0415 - imports models

    began = time.monotonic()
    estate, token = Estate(RESOURCES, datetime.now(UTC)), _token()
    found: list[Mapping[str, Answers]] = []
    for days in DAYS:
        estate.grow(days)
        print(
            f"{RESOURCES:,} resources from {len(REGIONS)} regions, {days} days: made {time.monotonic() - began:.0f} s"
        )
        found.append(_asked(state, token, estate.watched))
        began = time.monotonic()
    few, many = found
    heads = (f"{DAYS[0]} days p50", "p95", f"{DAYS[1]} days p50", "p95", "ratio", "KiB")
    print(f"{'':<34} " + " ".join(f"{head:>12}" for head in heads))
    for name, answers in many.items():
        before = few[name]
        print(
            f"{name:<34} {before.p50:12.1f} {before.p95:12.1f} {answers.p50:12.1f} {answers.p95:12.1f}"
            f" {answers.p50 / before.p50:12.2f} {answers.size / 1024:12.1f}"
        )
    slowest = max(many, key=lambda name: many[name].p95)
    grown = {name: _ratio(few[name], many[name]) for name in many}
    steepest = max(grown, key=lambda name: grown[name])
    return [
        *(at_most(f"{name}: p95 of {TIMES}", answers.p95, BAR_MS, "ms") for name, answers in many.items()),
        Figure("the slowest", f"{slowest}: {many[slowest].p95:.0f} ms"),
        at_most(f"p50 with {DAYS[1]} days to {DAYS[0]}, at most ({steepest})", grown[steepest], BAR_RATIO, "x"),
    ]


def _ratio(few: Answers, many: Answers) -> float:
    return many.p50 / max(few.p50, FLAT_BELOW_MS)


def _token() -> str:
    from django.contrib.auth.models import User  # noqa: PLC0415 - imports models

    from tests.fakes.access import grant, token_of  # noqa: PLC0415 - likewise

    user, _ = User.objects.get_or_create(username="bench")
    grant(user)
    return token_of(user)


def questions(watched: int) -> Mapping[str, str]:
    """Return what is asked, by name; of the resource of that id where one is."""
    month = (datetime.now(UTC) - timedelta(days=30)).strftime("%Y-%m-%dT00:00:00Z")
    return {
        "resources, first page": "resources",
        "resources, deep page": "resources?cursor=" + _cursor([RESOURCES * 9 // 10]),
        "resources, with states": "resources?include=states",
        "resources by registry": "resources?registry=registry-7.test",
        "resources by verdict": "resources?verdict=degraded",
        "resources by two verdicts": "resources?verdict=unknown&verdict=unavailable",
        "resources by search": f"resources?search=service-{RESOURCES // 2}",
        "resources by search, none": "resources?search=nowhere",
        "resource": f"resources/{watched}",
        "verdict explained": f"resources/{watched}/verdict",
        "uptime of 30 days": f"resources/{watched}/uptime?range=30d",
        "uptime of a group": "groups/1/uptime?range=30d",
        "compare a resource, a day": f"compare?resource={watched}",
        "compare a resource, a month": f"compare?resource={watched}&since={month}",
        "compare a registry, a month": f"compare?registry=registry-7.test&since={month}",
        "compare a group, a month": f"compare?group=group-7&since={month}",
        "outcomes": "outcomes",
        "outcomes of a resource": f"outcomes?resource={watched}",
        "outcomes that failed": "outcomes?status=unavailable",
        "incidents": "incidents",
        "incidents of a registry": "incidents?registry=registry-7.test",
        "incidents of a group": "incidents?group=group-7",
        "open incidents": "incidents?open=true",
        "events": "events",
        "events of a resource": f"events?resource={watched}",
        "groups": "groups",
        "regions": "regions",
    }


def _cursor(position: list[Any]) -> str:
    from base64 import urlsafe_b64encode  # noqa: PLC0415 - for this alone

    return urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def _asked(state: str, token: str, watched: int) -> Mapping[str, Answers]:
    """Start the web server and ask it everything."""
    port = free_port()
    gunicorn = ("-m", "gunicorn", "kairos.wsgi", "--bind", f"127.0.0.1:{port}", "--no-control-socket")
    child = Child(
        name="web",
        argv=(sys.executable, *gunicorn, "--worker-class", "gthread", "--threads", "8", "--log-level", "error"),
        environment={
            **common_environment(),
            **{name: os.environ[name] for name in ("DATABASE_URL", "BROKER_URL", "DJANGO_SETTINGS_MODULE")},
            "KAIROS_STATE_DIR": state,
        },
        directory=ROOT,
    )
    with running(child, is_ready=lambda: _answers(port)):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        try:
            return {name: _timed(connection, token, path) for name, path in questions(watched).items()}
        finally:
            connection.close()


def _timed(connection: http.client.HTTPConnection, token: str, path: str) -> Answers:
    _ask(connection, token, path)  # the first one imports, connects and plans
    milliseconds, size = [], 0
    for _ in range(TIMES):
        began = time.monotonic()
        size = _ask(connection, token, path)
        milliseconds.append((time.monotonic() - began) * 1000)
    return Answers(milliseconds, size)


def _ask(connection: http.client.HTTPConnection, token: str, path: str) -> int:
    address = urlsplit(f"/api/v1/{path}")
    connection.request("GET", address.geturl(), headers={"Authorization": f"Bearer {token}"})
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200, (path, response.status, body[:300])
    return len(body)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
