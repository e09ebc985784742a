"""What 200 open pages cost the web server while 50 changes a second come in.

    python -m tests.bench live

There are 10,000 resources. A hundred pages show the overview, in four views of it; a hundred show an image each. They
behave as the script does (`tests.bench.open_pages`); of one image in five somebody reads the second half. Each second
fifty resources turn bad or well again, by real reports that are really taken in: most of them anywhere, a few among
those that pages show. The bar is a quarter of one core for the web server's process, and two seconds from the commit
to the page for 95 of 100.
"""

import os
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import Pipe, Process
from pathlib import Path
from typing import Any, Final

import psutil

from kairos.child import Child, common_environment
from kairos.embedded import free_port
from tests.bench.census import Census
from tests.bench.commits import Commit, Listener
from tests.bench.database import own_database
from tests.bench.figures import Figure, at_most
from tests.bench.open_pages import Fetched, Opened, Seen, Told, keep_open
from tests.servers import is_served, running

RESOURCES: Final = int(os.environ.get("KAIROS_BENCH_RESOURCES", "10000"))
VIEWS: Final = ("/", "/?sort=name", "/?state=degraded", "/?window=7d")
OVERVIEWS: Final = 100
IMAGES: Final = 100
READ_WHOLE: Final = 5  # one of so many
USERS: Final = 10
CHANGES_A_SECOND: Final = 50
SHOWN_A_SECOND: Final = 1  # of these, besides those that chance brings, among what pages show
REPORTS_A_SECOND: Final = 5
SECONDS: Final = 30
BAR_CORES: Final = 0.25
BAR_SECONDS: Final = 2.0
_ANSWERED: Final = (200, 304)
ROOT: Final = Path(__file__).parents[2]

_LATE_PRINTED: Final = 8
_SETTLED_SECONDS: Final = 10  # after the last change each page has read itself again as a whole


def measured() -> list[Figure]:
    """Run it. Takes two minutes."""
    with own_database() as postgres:
        return _run(os.environ["KAIROS_STATE_DIR"], postgres.pid)


def _run(state: str, postgres: int) -> list[Figure]:
    from tests.bench.estate import Estate  # noqa: PLC0415 - imports models

    Estate(RESOURCES, datetime.now(UTC)).grow(1)
    port = free_port()
    program = ("-m", "gunicorn", "kairos.wsgi", "--bind", f"127.0.0.1:{port}", "--no-control-socket")
    child = Child(
        name="web",
        argv=(
            *(sys.executable, *program, "--threads", "8", "--worker-class", "kairos.streaming.Worker"),
            *("--log-level", "error"),
        ),
        environment={
            **common_environment(),
            **{name: os.environ[name] for name in ("DATABASE_URL", "BROKER_URL", "DJANGO_SETTINGS_MODULE")},
            "KAIROS_STATE_DIR": state,
            "KAIROS_PUBLIC_DASHBOARD": "0",
        },
        directory=ROOT,
    )
    watched = random.Random(1).sample(range(1, RESOURCES + 1), IMAGES)
    cookies = _cookies()
    opened = [
        *(Opened(VIEWS[number % len(VIEWS)], cookies[number % USERS]) for number in range(OVERVIEWS)),
        *(
            Opened(f"/resources/{pk}/", cookies[number % USERS], sees_all=number % READ_WHOLE == 0)
            for number, pk in enumerate(watched)
        ),
    ]
    with running(child, is_ready=partial(is_served, port)) as web:
        (worker,) = psutil.Process(web.pid).children()
        ours, theirs = Pipe()
        pages = Process(target=keep_open, args=(port, opened, theirs), daemon=True)
        pages.start()
        before_pages = worker.memory_info().rss
        assert ours.poll(90) and ours.recv() == "open"  # noqa: PT018 - one thing
        time.sleep(3)  # each has read itself again, as it did not know what it missed
        per_page_kib = (worker.memory_info().rss - before_pages) / len(opened) / 1024
        threads = worker.num_threads()
        pids = {"web": worker.pid, "database": postgres}
        idle = _used(pids, lambda: time.sleep(10), 10)
        commits: list[Commit] = []
        with Listener() as listener:
            busy = _used(pids, lambda: commits.extend(_change(watched, listener)), SECONDS)
        time.sleep(_SETTLED_SECONDS)
        ours.send("enough")
        assert ours.poll(30)
        pages_seen: list[Seen] = ours.recv()
        pages.join()
    shown = _shown(commits, pages_seen, time.monotonic())
    waits = [wait for wait, _ in shown]
    _print(busy, idle, pages_seen, shown)
    return [
        at_most(
            f"CPU of the web server, {len(opened)} pages, {CHANGES_A_SECOND} changes a second",
            busy["web"],
            BAR_CORES,
            "cores",
        ),
        Figure("changes taken in a second", f"{_rate(commits):.0f}"),
        Figure("the same with no change", f"{idle['web']:.3f} cores"),
        Figure("the database's beside it, ingest included", f"{busy['database']:.2f} cores"),
        at_most("from the commit to the page: p95", sorted(waits)[len(waits) * 95 // 100], BAR_SECONDS, "s"),
        Figure(f"median of {len(waits)}", f"{statistics.median(waits):.2f} s"),
        Figure("memory of a page with its stream, in the web server", f"{per_page_kib:.0f} KiB"),
        Figure("threads of the web server", str(threads)),
    ]


def _cookies() -> list[str]:
    from django.contrib.auth.models import User  # noqa: PLC0415 - imports models
    from django.test import Client  # noqa: PLC0415 - once Django is set up

    from probes.policy.access import Role  # noqa: PLC0415 - likewise
    from tests.fakes.access import grant  # noqa: PLC0415 - imports models

    found = []
    for number in range(USERS):
        user = User.objects.create(username=f"reader-{number}")
        grant(user, Role.VIEWER)
        client = Client()
        client.force_login(user, "django.contrib.auth.backends.ModelBackend")
        found.append("; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items()))
    return found


def _used(pids: dict[str, int], work: Any, seconds: float) -> dict[str, float]:
    before, began = Census.of(pids), time.monotonic()
    work()
    took = max(time.monotonic() - began, seconds)
    return {name: used / took for name, used in Census.of(pids).since(before).programs.items()}


def _change(watched: Sequence[int], listener: Listener) -> list[Commit]:
    """Take in reports for a while; return when what each said was committed."""
    from probes.actions import dispatch  # noqa: PLC0415 - imports models
    from probes.actions.ingest import ingest  # noqa: PLC0415 - likewise
    from probes.protocol.taxonomy import Reason  # noqa: PLC0415 - likewise
    from tests.fakes.far_region import FarRegion, finding, found  # noqa: PLC0415 - likewise
    from tests.fakes.terms import at_the_first_failure  # noqa: PLC0415 - likewise

    at_the_first_failure()
    region = FarRegion.enrolled("eu-west")
    chance, began_at = random.Random(2), []
    bad: set[str] = set()

    def turned(plan: Any) -> Any:
        return (broken if plan.key in bad else found)(plan)

    broken = finding(Reason.TAG_NOT_FOUND)
    shown = [*watched, *range(1, 51)]
    now = datetime.now(UTC)
    began = time.monotonic()
    for number in range(SECONDS * REPORTS_A_SECOND):
        wait = began + number / REPORTS_A_SECOND - time.monotonic()
        time.sleep(max(0.0, wait))
        each = CHANGES_A_SECOND // REPORTS_A_SECOND
        ids = set(chance.sample(shown, SHOWN_A_SECOND)) if number % REPORTS_A_SECOND == 0 else set()
        ids |= set(chance.sample(range(1, RESOURCES + 1), each - len(ids)))
        now = max(now + timedelta(seconds=1), datetime.now(UTC))
        asked = dispatch.check_now(ids, [region.slug], now=now)
        began_at += [(pk, time.monotonic()) for pk in ids]
        for message in asked.messages:
            batch = region.open(message)
            # Each turns, so each is a change.
            bad ^= {plan.key for plan in batch.plans}
            ingest(region.report(batch, turned), now=now)
    return [Commit(pk, at, listener.heard_after(pk, at)) for pk, at in began_at]


def _rate(commits: Sequence[Commit]) -> float:
    """Return how many changes a second came in: where the machine has other work, fewer than were meant to."""
    return len(commits) / max(SECONDS, commits[-1].at - commits[0].at)


def _shown(commits: Sequence[Commit], pages: Sequence[Seen], ended: float) -> list[tuple[float, str]]:
    """Return how long each page took to show what changed, where it shows that, and how that went.

    An answer counts if it is as of the telling that named the change, or a later one, and for a row that it has. What
    was not shown until the end has waited for as long.
    """
    found = []
    for page in pages:
        own = int(page.path.split("/")[2]) if page.path.startswith("/resources/") else 0
        for commit in commits:
            before = [item for item in page.fetched if item.ended <= commit.at]
            if commit.pk != own and commit.pk not in (before[-1].shows if before else ()):
                continue
            told = next((one for one in page.tellings if one.at >= commit.began and _names(one, commit.pk)), None)
            later = (item for item in page.fetched if item.ended > commit.at)
            after = _first(later, commit.pk, told, own)
            wait = (after.ended if after else ended) - commit.at
            found.append((wait, f"{page.path} {commit.pk}: {_told(commit, told, after, page.fetched)}"))
    return found


def _names(told: Told, pk: int) -> bool:
    return told.named is None or pk in told.named


def _first(later: Iterable[Fetched], pk: int, told: Told | None, own: int) -> Fetched | None:
    """Return the answer from which on a page shows what changed, None where there is none.

    A row may leave with a page of before the change. Nothing old is shown of it from then on, if the next page that
    is new enough has no such row either; one that has it again tells that it was missing until then.
    """
    left: Fetched | None = None
    for item in later:
        is_new = told is not None and item.number >= told.number
        if item.status not in _ANSWERED:
            continue
        if item.rows is not None:
            if is_new and left is None and pk in item.rows:
                return item
            continue
        is_gone = pk != own and pk not in item.shows
        left = (left or item) if is_gone else None
        if is_new:
            return left or item
    return None


def _told(commit: Commit, told: Told | None, after: Fetched | None, fetched: Sequence[Fetched]) -> str:
    """Return what happened when, in seconds after the commit."""
    said = [f"told {told.at - commit.at:.2f} as {told.number}" if told else "never told"]
    for item in fetched:
        if item.ended > commit.at and (after is None or item.ended <= after.ended):
            what = "whole" if item.rows is None else "rows"
            said.append(f"{what} {item.number} {item.began - commit.at:.2f} to {item.ended - commit.at:.2f}")
    return ", ".join(said if after else [*said, "never shown"])


def _print(busy: Any, idle: Any, pages: Sequence[Seen], shown: Sequence[tuple[float, str]]) -> None:
    fetches = [item for page in pages for item in page.fetched[1:]]
    sizes = sum(item.size for item in fetches) / max(1, len(fetches))
    statuses = Counter((item.status, "whole" if item.rows is None else "rows") for item in fetches)
    took = sorted(item.ended - item.began for item in fetches)
    told = sum(len(page.tellings) for page in pages)
    print(f"busy {busy}, idle {idle}; events {told}, fetches {dict(statuses)}", flush=True)
    print(
        f"bytes {sizes:.0f}; fetch p50 {took[len(took) // 2]:.3f}, p95 {took[len(took) * 95 // 100]:.3f}", flush=True
    )
    ordered = sorted(shown)
    print("waits", [f"{wait:.2f}" for wait, _ in ordered[:: max(1, len(ordered) // 20)]], flush=True)
    for wait, how in ordered[-_LATE_PRINTED:]:
        print(f"late {wait:.2f} s: {how}", flush=True)
