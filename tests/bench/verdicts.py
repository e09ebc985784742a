"""What a thousand outcomes cost to take in, and what of that goes to verdicts and incidents.

    python -m tests.bench verdicts

Real reports of three regions on three hundred images, a hundred findings each, taken in by the real action against a
PostgreSQL of its own, in one process. First all is well; then every check fails until every verdict has turned and
every image has its incident; then all goes on failing; then all recovers. CPU is that of this process: what the
database does besides is in the time that passed.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, Final
from unittest import mock

import django
from django.core.management import call_command

from tests.bench.figures import Figure
from tests.servers import SessionServers, running

IMAGES: Final = 300
REGIONS: Final = ("ap-south", "eu-west", "us-east")
INTERVAL_SECONDS: Final = 60
WARM_UP_ROUNDS: Final = 2
ROUNDS: Final = 3
"""Of each kind: as many as it takes to turn a region bad, and one more than it takes to turn it good."""


@dataclass(slots=True)
class Spent:
    """Seconds that passed, seconds of CPU, and statements, over so many outcomes."""

    outcomes: int = 0
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
    """All that was spent on taking in, and what of it on each part of that."""

    all: Spent = field(default_factory=Spent)
    parts: dict[str, Spent] = field(default_factory=dict)

    def figures(self, what: str) -> list[Figure]:
        per = self.all.outcomes / 1000
        named = f"1,000 outcomes taken in, {what}"
        parts = ", ".join(
            f"{name} {spent.cpu_seconds / per * 1000:.0f}/{spent.seconds / per * 1000:.0f}"
            for name, spent in self.parts.items()
        )
        value = (
            f"{self.all.cpu_seconds / per * 1000:.0f} ms CPU, {self.all.seconds / per * 1000:.0f} ms,"
            f" {self.all.statements / per:.0f} statements"
        )
        return [Figure(named, value), Figure("  of that, ms of CPU / ms", parts)]


def measured() -> list[Figure]:
    """Run it. Takes about a minute."""
    servers = SessionServers()
    servers.make_keys()
    servers.postgres.prepare()
    try:
        with running(servers.postgres.child(), is_ready=servers.postgres.is_ready):
            os.environ.update(servers.environment, DJANGO_SETTINGS_MODULE="kairos.settings")
            django.setup()
            call_command("migrate", verbosity=0)
            return _run()
    finally:
        servers.remove()


def _run() -> list[Figure]:
    from probes.protocol.taxonomy import Reason  # noqa: PLC0415 - with what imports models
    from tests.fakes.far_region import finding  # noqa: PLC0415 - imports models

    bench = _Bench()
    well, gone = None, finding(Reason.TAG_NOT_FOUND)
    bench.rounds(WARM_UP_ROUNDS, well)
    figures = [
        *bench.rounds(ROUNDS, well).figures("all well"),
        *bench.rounds(ROUNDS, gone).figures("while everything turns bad"),
        *bench.rounds(ROUNDS, gone).figures("everything bad"),
        *bench.rounds(ROUNDS, well).figures("while everything recovers"),
    ]
    bench.check()
    return figures


class _Bench:
    """Images, regions, and a clock that goes on by an interval each round."""

    def __init__(self) -> None:
        from probes.actions import partitions, resources  # noqa: PLC0415 - imports models
        from probes.models import Resource  # noqa: PLC0415 - likewise
        from tests.fakes.far_region import FarRegion  # noqa: PLC0415 - likewise

        self.now = datetime.now(UTC).replace(microsecond=0)
        partitions.ensure_partitions(self.now.date())
        self.regions = {slug: FarRegion.enrolled(slug) for slug in REGIONS}
        for number in range(IMAGES):
            image = Resource(reference=f"registry.test/bench/{number}:1", interval_seconds=INTERVAL_SECONDS)
            resources.save(image, now=self.now)

    def rounds(self, count: int, find: Any) -> Round:
        """Check every image so often from every region, and take in what they report."""
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
            with self._watching(found) as statements:
                for report in reports:
                    with found.all.measuring(statements):
                        taken = ingest(report, now=self.now + timedelta(seconds=1))
                    found.all.outcomes += taken.stored
        assert found.all.outcomes == count * IMAGES * len(REGIONS), found.all
        return found

    @contextmanager
    def _watching(self, found: Round) -> Iterator[list[int]]:
        """Count statements, and measure the parts of taking in."""
        from django.db import connection  # noqa: PLC0415 - once Django is set up

        from probes.actions import confirm, incidents, verdicts  # noqa: PLC0415 - imports models

        statements = [0]

        def count(execute: Callable[..., Any], *args: Any) -> Any:
            statements[0] += 1
            return execute(*args)

        parts: Sequence[tuple[str, Any, str]] = (
            ("verdicts with incidents", verdicts, "recompute"),
            ("incidents", incidents, "follow"),
            ("confirming", confirm, "ask"),
        )
        with connection.execute_wrapper(count):
            patches = []
            for name, module, function in parts:
                spent = found.parts.setdefault(name, Spent())
                watched = _measured(getattr(module, function), spent, statements)
                patches.append(mock.patch.object(module, function, watched))
            for patch in patches:
                patch.start()
            try:
                yield statements
            finally:
                for patch in patches:
                    patch.stop()

    def check(self) -> None:
        """Raise `AssertionError` unless everything turned bad and recovered."""
        from probes.models import Incident, Verdict  # noqa: PLC0415 - imports models

        assert Verdict.objects.filter(state="available").count() == IMAGES
        assert Incident.objects.filter(resolved_at__isnull=False).count() == IMAGES


def _measured(function: Callable[..., Any], spent: Spent, statements: list[int]) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with spent.measuring(statements):
            return function(*args, **kwargs)

    return call
