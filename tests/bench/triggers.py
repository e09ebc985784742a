"""What the triggers of configuration cost where images are checked: with them and without, in turns.

    python -m tests.bench triggers

The audit log and the words that are searched for are written by triggers, and the tables these watch are those that
the pipeline moves all the time (ADR 42). Images are claimed, their reports taken in and their rows moved on by the
real actions, in one process against a PostgreSQL of its own; every other turn all triggers of the audited tables are
switched off. CPU is that of this process and of its connection. Beside that it is told what a row costs whose
configuration changes, which is what they are there for.
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psutil

from tests.bench.database import own_database
from tests.bench.figures import Figure, at_most

PAIRS: Final = 3
ROUNDS: Final = 10
BAR_RATIO: Final = 1.1


def measured() -> list[Figure]:
    """Run it. Takes about a minute."""
    with own_database():
        return _run()


def _run() -> list[Figure]:
    from probes.models import AuditEntry, Resource  # noqa: PLC0415 - imports models
    from probes.protocol.plan import Plan  # noqa: PLC0415 - beside them
    from tests.bench.history import IMAGES, REGIONS, History  # noqa: PLC0415 - imports models
    from tests.fakes.far_region import found  # noqa: PLC0415 - likewise

    history, healthy = History(), found(Plan(reference="registry.test/bench/image-000000:1"))
    history.write(0, healthy, rounds=2)
    entries = AuditEntry.objects.count()
    checks = IMAGES * len(REGIONS) * ROUNDS
    spent: dict[bool, list[float]] = {True: [], False: []}
    for pair in range(PAIRS):
        for are_on in (True, False):
            with _triggers(are_on=are_on), _cpu(spent[are_on]):
                history.write(1 + 2 * pair + (not are_on), healthy, rounds=ROUNDS)
    assert AuditEntry.objects.count() == entries, "checks were taken for changes of the configuration"
    ratio = statistics.median(on / off for on, off in zip(spent[True], spent[False], strict=True))
    per_check = {are_on: statistics.median(seconds) / checks * 1e6 for are_on, seconds in spent.items()}
    changed: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * PAIRS):
        are_on = number % 2 == 0
        with _triggers(are_on=are_on), _cpu(changed[are_on]):
            Resource.objects.update(interval_seconds=600 + number)
    assert AuditEntry.objects.count() == entries + PAIRS * IMAGES
    per_row = {are_on: statistics.median(seconds) / IMAGES * 1e6 for are_on, seconds in changed.items()}
    return [
        Figure(
            "CPU of a check claimed and taken in, with the triggers and without",
            f"{per_check[True]:.0f} and {per_check[False]:.0f} µs",
        ),
        at_most(f"  their ratio, the median of {PAIRS} in turns", ratio, BAR_RATIO, "x"),
        Figure(
            "CPU of a row whose configuration changes, likewise",
            f"{per_row[True]:.0f} and {per_row[False]:.0f} µs",
        ),
    ]


@contextmanager
def _triggers(*, are_on: bool) -> Iterator[None]:
    """Have the triggers of all audited tables on or off meanwhile."""
    from probes.models.audited import audits  # noqa: PLC0415 - imports models

    tables = [model._meta.db_table for model in audits()]  # noqa: SLF001 - Django's documented API
    try:
        _switch(tables, "ENABLE" if are_on else "DISABLE")
        yield
    finally:
        _switch(tables, "ENABLE")


def _switch(tables: list[str], word: str) -> None:
    from django.db import connection  # noqa: PLC0415 - once Django is set up

    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} {word} TRIGGER USER")


@contextmanager
def _cpu(spent: list[float]) -> Iterator[None]:
    """Add the CPU seconds of this process and of its connection."""
    from django.db import connection  # noqa: PLC0415 - once Django is set up

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    backend = psutil.Process(pid)
    here, there = time.process_time(), backend.cpu_times()
    yield
    after = backend.cpu_times()
    spent.append(time.process_time() - here + after.user + after.system - there.user - there.system)
