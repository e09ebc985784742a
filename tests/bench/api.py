"""What the REST API and the pages take, over 3 days of history and over 30.

    KAIROS_BENCH_RESOURCES=10000 python -m tests.bench api

There are 100,000 resources unless that says otherwise, seen from ten regions (`tests.bench.estate`). The web server
is the real one, one process as `make up` has it, and is asked one thing after the other over one connection
(`tests.bench.questions`). Each answer is read to its end. The bar is 150 ms for 95 of 100 answers.

That none grows with the history is told by CPU time, which waits for nobody: that of the database, since the web
server has as much to do as there are rows on a page. Most questions have nothing to do with the history, so what all
of them have grown by, the median, is the machine's: it is told, and taken off each. Of a month there are ten times
the days with 30 as with 3: what that grows by is told without a bar, beside the same of two days, which has one.
"""

import http.client
import os
import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from kairos.child import Child, common_environment
from kairos.embedded import free_port
from tests.bench import questions
from tests.bench.census import Census
from tests.bench.database import own_database
from tests.bench.figures import Figure, at_most
from tests.servers import is_served, running

RESOURCES: Final = int(os.environ.get("KAIROS_BENCH_RESOURCES", "100000"))
DAYS: Final = (3, 30)
TIMES: Final = 40
BAR_MS: Final = 150.0
BAR_RATIO: Final = 1.5
FLAT_BELOW_MS: Final = 10.0
"""Whatever takes the database less CPU than this may vary more: of so little the machine decides."""
ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Answers:
    """How long the answers to one question took, the CPU time of one here and there, and how many bytes it has."""

    milliseconds: list[float]
    web_ms: float
    database_ms: float
    size: int

    @property
    def p50(self) -> float:
        return statistics.median(self.milliseconds)

    @property
    def p95(self) -> float:
        return sorted(self.milliseconds)[len(self.milliseconds) * 95 // 100 - 1]

    @property
    def cpu_ms(self) -> float:
        return self.web_ms + self.database_ms


def measured() -> list[Figure]:
    """Run it. Takes ten minutes where nothing else runs, and twelve gigabytes."""
    with own_database() as postgres:
        return _run(os.environ["KAIROS_STATE_DIR"], postgres.pid)


def _run(state: str, postgres: int) -> list[Figure]:
    from tests.bench.estate import REGIONS, Estate  # noqa: PLC0415 - imports models

    began = time.monotonic()
    estate = Estate(RESOURCES, datetime.now(UTC))
    headers = _headers()
    found: list[Mapping[str, Answers]] = []
    for days in DAYS:
        estate.grow(days)
        made = time.monotonic() - began
        print(f"{RESOURCES:,} resources from {len(REGIONS)} regions, {days} days: made in {made:.0f} s", flush=True)
        began = time.monotonic()
        found.append(_asked(state, postgres, headers, estate.watched))
        print(f"asked in {time.monotonic() - began:.0f} s", flush=True)
        began = time.monotonic()
    few, many = found
    print(_table(few, many))
    of_api = questions.of_api(RESOURCES, estate.watched)
    slowest = max(of_api, key=lambda name: many[name].p95)
    usual = statistics.median(answers.cpu_ms / max(few[name].cpu_ms, 0.1) for name, answers in many.items())
    grown = {
        name: max(many[name].database_ms, FLAT_BELOW_MS) / max(few[name].database_ms, FLAT_BELOW_MS) / max(usual, 1.0)
        for name in of_api
    }
    steepest, of_a_month = (
        max((name for name in grown if questions.is_of_a_month(name) is is_month), key=lambda name: grown[name])
        for is_month in (False, True)
    )
    return [
        *(at_most(f"{name}: p95 of {TIMES}", many[name].p95, BAR_MS, "ms") for name in of_api),
        Figure(f"the slowest of these: {slowest}", f"{many[slowest].p95:.0f} ms"),
        # People look at these one at a time: they are told without a bar.
        *(Figure(f"{name}: p95 of {TIMES}", f"{many[name].p95:.0f} ms") for name in many if name not in of_api),
        at_most(f"CPU with {DAYS[1]} days to {DAYS[0]}, the median of all", usual, BAR_RATIO, "x"),
        at_most(f"the database's beside that, at most ({steepest})", grown[steepest], BAR_RATIO, "x"),
        Figure(f"likewise, of ten times the days ({of_a_month})", f"{grown[of_a_month]:.2f} x"),
    ]


def _table(few: Mapping[str, Answers], many: Mapping[str, Answers]) -> str:
    """Return what was found as lines of text: milliseconds, by wall and of CPU, and the ratios of one run."""
    heads = (
        *(f"{DAYS[0]} d p50", "p95", "web CPU", "db CPU"),
        *(f"{DAYS[1]} d p50", "p95", "web CPU", "db CPU"),
        *("ratio", "CPU", "KiB"),
    )
    lines = [f"{'':<36}" + "".join(f"{head:>9}" for head in heads)]
    for name, after in many.items():
        before = few[name]
        told = (
            *(before.p50, before.p95, before.web_ms, before.database_ms),
            *(after.p50, after.p95, after.web_ms, after.database_ms),
            *(after.p50 / before.p50, after.cpu_ms / max(before.cpu_ms, 0.1), after.size / 1024),
        )
        lines.append(f"{name:<36}" + "".join(f"{number:9.1f}" for number in told))
    return "\n".join(lines)


def _headers() -> Mapping[str, Mapping[str, str]]:
    """Return with what programs ask, and people: a token, and the cookie of somebody who has logged in."""
    from django.contrib.auth.models import User  # noqa: PLC0415 - imports models
    from django.test import Client  # noqa: PLC0415 - once Django is set up

    from probes.policy.access import Role  # noqa: PLC0415 - likewise
    from tests.fakes.access import grant, token_of  # noqa: PLC0415 - imports models

    user = User.objects.create(username="bench", is_staff=True, is_superuser=True)
    grant(user, Role.ADMIN)
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    return {"api": {"Authorization": f"Bearer {token_of(user)}"}, "pages": {"Cookie": cookie}}


def _asked(
    state: str, postgres: int, headers: Mapping[str, Mapping[str, str]], watched: int
) -> Mapping[str, Answers]:
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
            # They are counted as always, and none is refused.
            "KAIROS_RATE_READ": "1000000",
        },
        directory=ROOT,
    )
    asked = [
        *((name, path, headers["api"]) for name, path in questions.of_api(RESOURCES, watched).items()),
        *((name, path, headers["pages"]) for name, path in questions.of_pages(RESOURCES, watched).items()),
    ]
    with running(child, is_ready=partial(is_served, port)) as web:
        pids = {"web": web.pid, "database": postgres}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        try:
            return {name: _timed(connection, pids, path, sent) for name, path, sent in asked}
        finally:
            connection.close()


def _timed(
    connection: http.client.HTTPConnection, pids: Mapping[str, int], path: str, headers: Mapping[str, str]
) -> Answers:
    _ask(connection, path, headers)  # the first one imports, connects and plans
    milliseconds, size = [], 0
    before = Census.of(pids)
    for _ in range(TIMES):
        began = time.monotonic()
        size = _ask(connection, path, headers)
        milliseconds.append((time.monotonic() - began) * 1000)
    used = Census.of(pids).since(before).programs
    return Answers(milliseconds, used["web"] / TIMES * 1000, used["database"] / TIMES * 1000, size)


def _ask(connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str]) -> int:
    connection.request("GET", path, headers=dict(headers))
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200, (path, response.status, body[:300])
    return len(body)
