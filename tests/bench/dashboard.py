"""What the pages take that people look at most, with 10,000 images from five regions and 30 days of history.

    python -m tests.bench dashboard

The web server is the real one, one process as `make up` has it, asked by somebody who has logged in, one thing after
the other. Bars: 200 ms for 95 of 100 answers, 12 queries besides the two of the session, 300 kB, and in a headless
Chromium a second from the click to the first paint. The second half of an image's page, which comes once the first is
shown, has more to ask: of it the queries are told.
"""

import http.client
import os
import statistics
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from kairos.child import Child, common_environment
from kairos.embedded import free_port
from tests import chromium
from tests.bench.database import own_database
from tests.bench.figures import Figure, at_most
from tests.servers import is_served, running

RESOURCES: Final = int(os.environ.get("KAIROS_BENCH_RESOURCES", "10000"))
REGIONS: Final = 5
DAYS: Final = 30
TIMES: Final = 40
PAINTS: Final = 5
BAR_MS: Final = 200.0
BAR_QUERIES: Final = 12
BAR_KB: Final = 300.0
BAR_PAINT_MS: Final = 1000.0
OF_THE_SESSION: Final = ('FROM "django_session"', 'FROM "auth_user"')
ROOT: Final = Path(__file__).parents[2]

# What the estate leaves out: what each image was said to be before anything happened, and all hours of the last day.
_SAID: Final = """
INSERT INTO probes_verdictchange (resource_id, at, before, state, explanation, inputs)
SELECT id, created_at, 'unknown', 'available', '', '{}' FROM probes_resource
"""
_HOURS: Final = """
INSERT INTO probes_hourrollup (resource_id, region_id, starts_at, outcomes_available, seconds_available, latency)
SELECT resource.id, region.id, starts_at, CASE WHEN region.id > 0 THEN 12 END, 3600,
    CASE WHEN region.id > 0 THEN ARRAY[10025 + resource.id %% 9, 2030, 10122, 2124, 10222, 2226] END
FROM generate_series(%(since)s, %(until)s, interval '1 h') AS starts_at
CROSS JOIN probes_resource AS resource
CROSS JOIN (SELECT id FROM probes_region UNION ALL SELECT 0) AS region
ON CONFLICT DO NOTHING
"""

# The estate has each image down for 100 seconds of each hour: of the whole, only one in fifty is down so often.
_WELL: Final = """
UPDATE probes_dayrollup SET seconds_available = 86400, seconds_unavailable = NULL
WHERE region_id = 0 AND resource_id %% 50 <> 0
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """How long the answers to one question took, and how many bytes one has."""

    milliseconds: list[float]
    size: int

    @property
    def p50(self) -> float:
        return statistics.median(self.milliseconds)

    @property
    def p95(self) -> float:
        return sorted(self.milliseconds)[len(self.milliseconds) * 95 // 100 - 1]


def pages(resources: int, watched: int) -> Mapping[str, str]:
    """Return what is looked at, by name."""
    return {
        "overview": "/",
        "overview, second page": "/?page=2",
        "overview, 30 days": "/?window=30d",
        "overview, one list by name": "/?by=nothing&sort=name",
        "overview, one list, deep": f"/?by=nothing&page={resources // 50 - 2}",
        "overview by uptime of 30 days": "/?by=nothing&sort=uptime&window=30d",
        "overview of a group": "/?group=group-7",
        "overview of what is degraded": "/?state=degraded",
        "overview of what fails from a region": "/?seen=failing&region=region-1",
        "overview by a word": f"/?find=service-{resources // 2}",
        "overview by a label": "/?label=team:team-7",
        "rows that changed": f"/live/rows?ids={watched},{watched + 1},{watched + 2}",
        "an image": f"/resources/{watched}/",
        "an image, second half": f"/resources/{watched}/more/",
        "an image, 30 days": f"/resources/{watched}/?window=30d",
    }


def measured() -> list[Figure]:
    """Run it. Takes four minutes where nothing else runs."""
    with own_database():
        asked = pages(RESOURCES, made(REGIONS))
        cookie = logged_in()
        counted = queries(asked, cookie)
        found, paints = answers(os.environ["KAIROS_STATE_DIR"], asked, cookie, painted=("overview", "an image"))
    print(table(asked, found, counted))
    figures: list[Figure] = []
    for name in asked:
        figures.append(at_most(f"{name}: p95 of {TIMES}", found[name].p95, BAR_MS, "ms"))
        if name != "an image, second half":
            figures.append(at_most(f"{name}: queries", counted[name], BAR_QUERIES, ""))
        else:
            figures.append(Figure(f"{name}: queries", str(counted[name])))
        figures.append(at_most(f"{name}: size", found[name].size / 1000, BAR_KB, "kB"))
    figures += [at_most(f"{name}: first paint", paints[name], BAR_PAINT_MS, "ms") for name in paints]
    return figures


def made(regions: int) -> int:
    """Make the images and their history; return the id of one that has all of it."""
    from tests.bench import estate  # noqa: PLC0415 - imports models

    began = time.monotonic()
    grown = estate.Estate(RESOURCES, datetime.now(UTC), regions=estate.REGIONS[:regions])
    grown.grow(DAYS)
    _fill()
    print(f"{RESOURCES:,} images from {regions} regions, {DAYS} days: made in {time.monotonic() - began:.0f} s")
    return grown.watched


def _fill() -> None:
    """Write what the estate leaves out, past the triggers as it does."""
    from django.db import connection, transaction  # noqa: PLC0415 - once Django is set up

    from probes.actions import partitions  # noqa: PLC0415 - imports models

    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    since = until - timedelta(hours=26)
    for table in partitions.ROLL_UPS:
        partitions.ensure(table, [since.date(), until.date()])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(_SAID)
        cursor.execute(_WELL, {})
        cursor.execute(_HOURS, {"since": since, "until": until})
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def logged_in() -> tuple[str, str]:
    """Return the cookie of somebody who has logged in: its name and its value."""
    from django.conf import settings  # noqa: PLC0415 - once Django is set up
    from django.contrib.auth.models import User  # noqa: PLC0415 - imports models
    from django.test import Client  # noqa: PLC0415 - once Django is set up

    user = User.objects.create(username="bench", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return settings.SESSION_COOKIE_NAME, client.cookies[settings.SESSION_COOKIE_NAME].value


def queries(asked: Mapping[str, str], cookie: tuple[str, str]) -> Mapping[str, int]:
    """Return how many queries each page takes, besides those of the session."""
    from django.db import connection  # noqa: PLC0415 - once Django is set up
    from django.test import Client  # noqa: PLC0415 - likewise
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415 - likewise

    client = Client(headers={"host": "127.0.0.1"})
    client.cookies[cookie[0]] = cookie[1]
    counted: dict[str, int] = {}
    for name, path in asked.items():
        with CaptureQueriesContext(connection) as captured:
            response = client.get(path)
        assert response.status_code == 200, (path, response.status_code)
        counted[name] = sum(not any(table in query["sql"] for table in OF_THE_SESSION) for query in captured)
    return counted


def answers(
    state: str, asked: Mapping[str, str], cookie: tuple[str, str], *, painted: Collection[str]
) -> tuple[Mapping[str, Answers], Mapping[str, float]]:
    """Start the web server, ask it everything, and look at those to be `painted` in a browser."""
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
    with running(child, is_ready=partial(is_served, port)):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            found = {name: _timed(connection, path, "=".join(cookie)) for name, path in asked.items()}
        finally:
            connection.close()
        paints = _paints(port, {name: asked[name] for name in painted}, cookie) if painted else {}
    return found, paints


def _timed(connection: http.client.HTTPConnection, path: str, cookie: str) -> Answers:
    _ask(connection, path, cookie)  # the first one imports, connects and plans
    milliseconds, size = [], 0
    for _ in range(TIMES):
        began = time.monotonic()
        size = _ask(connection, path, cookie)
        milliseconds.append((time.monotonic() - began) * 1000)
    return Answers(milliseconds, size)


def _ask(connection: http.client.HTTPConnection, path: str, cookie: str) -> int:
    connection.request("GET", path, headers={"Cookie": cookie})
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200, (path, response.status, body[:300])
    return len(body)


# Told once it is there: Playwright's own waiting looks by `eval`, which the policy of the page refuses.
_FIRST_PAINT: Final = """
() => new Promise((told) => new PerformanceObserver((list) => {
  for (const entry of list.getEntriesByName("first-contentful-paint")) told(entry.startTime);
}).observe({ type: "paint", buffered: true }))
"""


def _paints(port: int, asked: Mapping[str, str], cookie: tuple[str, str]) -> Mapping[str, float]:
    """Return the medians of how many milliseconds it took to the first paint, in a browser that knows nothing yet."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - where there is a browser alone

    program = chromium.program()
    if program is None:
        print("no Chromium here: nothing was painted")
        return {}
    found: dict[str, list[float]] = {name: [] for name in asked}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for name, path in asked.items():
            for _ in range(PAINTS):
                context = browser.new_context(base_url=f"http://127.0.0.1:{port}")
                context.add_cookies([{"name": cookie[0], "value": cookie[1], "domain": "127.0.0.1", "path": "/"}])
                page = context.new_page()
                page.goto(path)
                found[name].append(float(page.evaluate(_FIRST_PAINT)))
                context.close()
        browser.close()
    return {name: statistics.median(times) for name, times in found.items()}


def table(asked: Mapping[str, str], found: Mapping[str, Answers], counted: Mapping[str, int]) -> str:
    """Return what all of it took, as lines of text."""
    lines = [f"{'':<38}{'p50':>9}{'p95':>9}{'queries':>9}{'kB':>9}"]
    for name in asked:
        one = found[name]
        told = (one.p50, one.p95, counted[name], one.size / 1000)
        lines.append(f"{name:<38}" + "".join(f"{number:9.1f}" for number in told))
    return "\n".join(lines)
