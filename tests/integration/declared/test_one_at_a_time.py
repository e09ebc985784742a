"""Who applies holds a lock until all is done: who is killed leaves nothing, and who waits sees what was done."""

import io
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from probes.actions import applying, resource_batches
from probes.models import AuditEntry, Endpoint, Resource, Verdict
from probes.policy.declared.planning import Wishes
from tests.fakes.up import PROJECT, bare_environment
from tests.integration.declared.conftest import read
from tests.integration.declared.test_applying import ALL, image
from tests.servers import wait_until

if TYPE_CHECKING:
    from probes.actions.applying import Applied

SECONDS: Final = 60.0


@pytest.fixture
def database(transactional_db: None, postgres_url: str) -> str:
    """The URL of the database of the tests, for another process and for connections past Django's."""
    return urlsplit(postgres_url)._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


@contextmanager
def applying_process(path: Path, database: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        "DATABASE_URL": database,
        "BROKER_URL": settings.BROKER_URL,
        "KAIROS_STATE_DIR": str(settings.KAIROS_STATE_DIR),
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "apply", "-f", str(path)],
        cwd=PROJECT,
        env=bare_environment(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


class Listening(io.StringIO):
    """A standard error whose first line is answered."""

    def __init__(self, answer: Callable[[], None]) -> None:
        super().__init__()
        self._answer: Callable[[], None] | None = answer

    def write(self, text: str) -> int:
        answer, self._answer = self._answer, None
        if answer is not None:
            answer()
        return super().write(text)


def test_who_is_killed_half_way_leaves_nothing_and_the_next_one_goes_through(database: str, tmp_path: Path) -> None:
    path = tmp_path / "kairos.yaml"
    path.write_text(ALL)
    waits_late = """
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INTO "probes_endpoint"%'
    """
    with psycopg.connect(database) as other, psycopg.connect(database, autocommit=True) as looking:
        # Endpoints are stored behind settings and resources: whoever stores one stops half-way.
        other.execute("LOCK TABLE probes_endpoint IN SHARE MODE")
        with applying_process(path, database) as process:
            wait_until(lambda: looking.execute(waits_late).rowcount == 1, SECONDS, "it to be half-way", alive=process)

            def kill() -> None:
                assert process.poll() is None
                process.send_signal(signal.SIGKILL)
                process.wait()
                other.rollback()

            out, err = io.StringIO(), Listening(kill)
            call_command("apply", "-f", str(path), stdout=out, stderr=err)

    assert err.getvalue() == "Waiting: somebody else applies just now.\n"
    assert out.getvalue().splitlines()[-1] == "Done: 6 created, one source made, 0 unchanged."
    assert (Resource.objects.count(), Endpoint.objects.count()) == (2, 1)
    assert AuditEntry.objects.filter(model="probes.source").count() == 1


def test_second_waits_for_the_first_and_sees_what_it_did(database: str, now: datetime) -> None:
    reading = read(ALL)
    wishes = Wishes(source=reading.source)
    is_waiting = threading.Event()
    found: list[Applied] = []

    def second() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '1ms'")  # who applies is waited for longer than a row
            found.append(applying.apply(reading, wishes, now=now, waiting=is_waiting.set))
        finally:
            connection.close()

    thread = threading.Thread(target=second)
    with transaction.atomic():
        first = applying.apply(reading, wishes, now=now)
        thread.start()
        assert is_waiting.wait(SECONDS)
        thread.join(0.1)
        assert found == []
        assert thread.is_alive()
    thread.join(SECONDS)

    assert len(first.plan.changes) == 6
    assert [(applied.is_nothing, applied.plan.unchanged) for applied in found] == [(True, 6)]


def test_who_does_not_want_to_wait_stores_nothing(database: str, now: datetime) -> None:
    class Busy(Exception):
        pass

    def refuse() -> None:
        raise Busy

    with psycopg.connect(database) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('kairos/apply', 0))")
        with pytest.raises(Busy):
            applying.apply(read(ALL), Wishes(), now=now, waiting=refuse)
        assert applying.apply(read(ALL), Wishes(), now=now, dry_run=True, waiting=refuse).plan.changes
        reading = read(ALL)
        with pytest.raises(Busy):  # a prune is rehearsed, and holds all that it would change
            applying.apply(reading, Wishes(source=reading.source, prune=True), now=now, dry_run=True, waiting=refuse)

    assert not Resource.objects.exists()


def test_verdicts_are_locked_in_the_order_of_their_ids(
    database: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by whoever takes in a report: else the two would wait for each other."""
    monkeypatch.setattr(resource_batches, "AT_ONCE", 1)
    for name in ("b", "a"):  # applied in the order of names, known by that in which they were made
        applying.apply(read(image(name)), Wishes(), now=now)
    for row in Resource.objects.all():
        Verdict.objects.create(resource=row, since=now, computed_at=now)
    first, second = Verdict.objects.order_by("pk").values_list("pk", flat=True)
    lock = "SELECT FROM probes_verdict WHERE resource_id = %s FOR NO KEY UPDATE"

    def change() -> None:
        try:
            text = image("a", terms="{failures: 2}") + image("b", "ghcr.io/shop/other:1")
            applying.apply(read(text), Wishes(), now=now)
        finally:
            connection.close()

    thread = threading.Thread(target=change)
    waits = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(database) as report, psycopg.connect(database, autocommit=True) as looking:
        report.execute(lock, [first])
        thread.start()
        wait_until(lambda: looking.execute(waits).rowcount == 1, SECONDS, "it to wait for the report")
        report.execute(f"{lock} NOWAIT", [second])
        report.commit()
        thread.join(SECONDS)

    assert Resource.objects.get(slug="b").repository == "shop/other"
    assert Verdict.objects.get().stale_at == now
