"""What a thousand outcomes cost to take in, and what of that, and beside it, goes to verdicts, incidents and notices.

    python -m tests.bench verdicts

Real reports of three regions on three hundred images of one registry, a hundred findings each, taken in by the real
action against a PostgreSQL of its own, in one process. First all is well; then every check fails until every verdict
has turned and every image has its incident; then all goes on failing; then all recovers. A channel wants to be told
of everything, so that each incident is written into the outbox.

Between the reports passes a minute in which beat has its turns, every five seconds: what failures have in common is
looked for, which is the registry here, and what is due is handed out, to a receiver that takes it at once. Both are
told per thousand outcomes, beside what was taken in; and of the looking there are figures by what it found. CPU is
that of this process: what the database does besides is in the time that passed.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import wraps
from typing import Any, Final
from unittest import mock

from tests.bench.database import own_database
from tests.bench.figures import Figure

IMAGES: Final = 300
REGIONS: Final = ("ap-south", "eu-west", "us-east")
INTERVAL_SECONDS: Final = 60
BEAT_SECONDS: Final = 5
"""So often beat has scopes inferred and notices handed out, as `CELERY_BEAT_SCHEDULE` says."""

WARM_UP_ROUNDS: Final = 2
ROUNDS: Final = 3
"""Of each kind: as many as it takes to turn a region bad, and one more than it takes to turn it good."""

_TAKEN_IN: Final = timedelta(seconds=1)
"""So long after they were due the reports of a round are there."""


class Look(StrEnum):
    """What a look for what failures share finds, and so what it does."""

    NOTHING = "nothing is open"
    UNEXPLAINED = "images fail that nothing explains yet"
    OPENS = "it opens what they share"
    LASTS = "that lasts"
    RESOLVES = "that is over"


@dataclass(slots=True)
class Spent:
    """Seconds that passed, seconds of CPU, and statements."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    statements: int = 0

    @contextmanager
    def measuring(self, statements: list[int]) -> Iterator[None]:
        began, cpu, asked = time.perf_counter(), time.process_time(), statements[0]
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - began
            self.cpu_seconds += time.process_time() - cpu
            self.statements += statements[0] - asked


@dataclass(slots=True)
class Round:
    """All that was spent on taking in so many outcomes, what of it on each part of that, and what beside it."""

    outcomes: int = 0
    all: Spent = field(default_factory=Spent)
    parts: dict[str, Spent] = field(default_factory=dict)
    beside: dict[str, Spent] = field(default_factory=dict)

    def figures(self, what: str) -> list[Figure]:
        per = self.outcomes / 1000
        value = (
            f"{self.all.cpu_seconds / per * 1000:.0f} ms CPU, {self.all.seconds / per * 1000:.0f} ms,"
            f" {self.all.statements / per:.0f} statements"
        )
        return [
            Figure(f"1,000 outcomes taken in, {what}", value),
            Figure("  of that, ms of CPU / ms", _each(self.parts, per)),
            Figure("  beside that, likewise", _each(self.beside, per)),
        ]


def _each(spent: Mapping[str, Spent], per: float) -> str:
    return ", ".join(
        f"{name} {item.cpu_seconds / per * 1000:.0f}/{item.seconds / per * 1000:.0f}" for name, item in spent.items()
    )


def measured() -> list[Figure]:
    """Run it. Takes about a minute."""
    with own_database():
        return _run()


def _run() -> list[Figure]:
    from probes.protocol.taxonomy import Reason  # noqa: PLC0415 - with what imports models
    from tests.fakes.far_region import finding  # noqa: PLC0415 - imports models

    bench = _Bench()
    well, gone = None, finding(Reason.TAG_NOT_FOUND)
    with bench.counting():
        bench.rounds(WARM_UP_ROUNDS, well)
        bench.looks.clear()
        figures = [
            *bench.rounds(ROUNDS, well).figures("all well"),
            *bench.rounds(ROUNDS, gone).figures("while everything turns bad"),
            *bench.rounds(ROUNDS, gone).figures("everything bad"),
            *bench.rounds(ROUNDS, well).figures("while everything recovers"),
        ]
    bench.check()
    return [*figures, *(_figure(look, bench.looks[look]) for look in Look)]


def _figure(look: Look, rounds: Iterable[Spent]) -> Figure:
    """Return what one look took: the median of all that found the same."""
    each = list(rounds)
    ms = [spent.seconds * 1000 for spent in each]
    cpu_ms = statistics.median(spent.cpu_seconds * 1000 for spent in each)
    value = (
        f"{cpu_ms:.1f} ms CPU, {statistics.median(ms):.1f} ms, at most {max(ms):.1f};"
        f" {statistics.median(spent.statements for spent in each):.0f} statements; of {len(each)}"
    )
    return Figure(f"scopes of {IMAGES} images inferred once, {look}", value)


class _Bench:
    """Images, regions, a channel, and a clock that goes on by an interval each round."""

    def __init__(self) -> None:
        from kairos.simulation import post  # noqa: PLC0415 - imports models
        from probes.actions import partitions, resources  # noqa: PLC0415 - likewise
        from probes.models import Resource  # noqa: PLC0415 - likewise
        from tests.fakes.far_region import FarRegion  # noqa: PLC0415 - likewise

        self.now = datetime.now(UTC).replace(microsecond=0)
        self.looks: dict[Look, list[Spent]] = defaultdict(list)
        self._statements = [0]
        partitions.ensure_partitions(self.now.date())
        self.regions = {slug: FarRegion.enrolled(slug) for slug in REGIONS}
        post.open_channel()
        for number in range(IMAGES):
            image = Resource(reference=f"registry.test/bench/{number}:1", interval_seconds=INTERVAL_SECONDS)
            resources.save(image, now=self.now)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count statements."""
        from django.db import connection  # noqa: PLC0415 - once Django is set up

        def count(execute: Callable[..., Any], *args: Any) -> Any:
            self._statements[0] += 1
            return execute(*args)

        with connection.execute_wrapper(count):
            yield

    def rounds(self, count: int, find: Any) -> Round:
        """Check every image so often from every region and take in what they report; then beat has its turns."""
        from probes.actions import dispatch  # noqa: PLC0415 - imports models
        from probes.actions.ingest import ingest  # noqa: PLC0415 - likewise
        from probes.models import Region, Resource  # noqa: PLC0415 - likewise

        found = Round()
        for _ in range(count):
            self.now += timedelta(seconds=INTERVAL_SECONDS)
            Region.objects.update(last_seen_at=self.now)
            Resource.objects.update(next_due_at=self.now)
            messages = dispatch.claim_due(self.now).messages
            reports = [
                region.report(region.open(message), find)
                for message in messages
                for region in [self.regions[message.queue.removeprefix("probe.")]]
            ]
            with self._watching(found):
                for report in reports:
                    with found.all.measuring(self._statements):
                        taken = ingest(report, now=self.now + _TAKEN_IN)
                    found.outcomes += taken.stored
            self._beat(found)
        assert found.outcomes == count * IMAGES * len(REGIONS), found.outcomes
        return found

    def _beat(self, found: Round) -> None:
        """Infer scopes and hand out notices, as often as there is time until the next round."""
        from kairos.simulation import post  # noqa: PLC0415 - imports models
        from probes.actions import scopes  # noqa: PLC0415 - likewise

        inferred, handed_out = (found.beside.setdefault(name, Spent()) for name in ("scopes", "notices handed out"))
        step = timedelta(seconds=BEAT_SECONDS)
        now, end = self.now + _TAKEN_IN + step, self.now + timedelta(seconds=INTERVAL_SECONDS)
        while now < end:
            before, alone = _before(), Spent()
            with inferred.measuring(self._statements), alone.measuring(self._statements):
                done = scopes.infer_scopes(now=now)
            self.looks[_look(before, done)].append(alone)
            with handed_out.measuring(self._statements):
                post.deliver(now=now)
            now += step

    @contextmanager
    def _watching(self, found: Round) -> Iterator[None]:
        """Measure the parts of taking in."""
        from probes.actions import confirm, incidents, notices, verdicts  # noqa: PLC0415 - imports models

        parts = (
            ("verdicts with incidents and notices", verdicts, "recompute"),
            ("incidents", incidents, "follow"),
            ("notices", notices, "announce_incidents"),
            ("confirming", confirm, "ask"),
        )
        with ExitStack() as patches:
            for name, module, function in parts:
                spent = found.parts.setdefault(name, Spent())
                watched = _measured(getattr(module, function), spent, self._statements)
                patches.enter_context(mock.patch.object(module, function, watched))
            yield

    def check(self) -> None:
        """Raise `AssertionError` unless everything turned bad and recovered, and was told once, as what it was."""
        from probes.models import Incident, Notice, Verdict  # noqa: PLC0415 - imports models

        assert Verdict.objects.filter(state="available").count() == IMAGES
        over = Incident.objects.filter(resolved_at__isnull=False)
        assert over.filter(resource__isnull=False, parent__scope_kind="registry").count() == IMAGES
        assert over.get(resource=None).extent == IMAGES
        assert not Incident.objects.filter(resolved_at=None).exists()
        sent = Notice.objects.filter(state="sent").order_by("pk").values_list("topic", flat=True)
        assert list(sent) == ["incident_opened", "incident_resolved"], list(sent)
        unsaid = Notice.objects.filter(state="suppressed", topic="incident_opened")
        assert unsaid.count() == IMAGES, unsaid.count()
        assert not Notice.objects.filter(state="pending").exists()


def _before() -> Look:
    """Return how things stand before a look."""
    from probes.models import Incident  # noqa: PLC0415 - imports models

    still_open = Incident.objects.filter(resolved_at=None)
    if still_open.filter(resource=None).exists():
        return Look.LASTS
    return Look.UNEXPLAINED if still_open.exists() else Look.NOTHING


def _look(before: Look, done: Iterable[Any]) -> Look:
    """Return what a look was that did so much."""
    from probes.policy.incidents import Open, Resolve  # noqa: PLC0415 - with what imports models

    deeds = {type(item.deed) for item in done}
    if Open in deeds:
        return Look.OPENS
    return Look.RESOLVES if Resolve in deeds else before


def _measured(function: Callable[..., Any], spent: Spent, statements: list[int]) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with spent.measuring(statements):
            return function(*args, **kwargs)

    return call
