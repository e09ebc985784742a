"""The migrations give what the models say, and carry over what is there."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any, Final

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState
from psycopg import sql

from probes.actions import verdicts
from probes.models import Pause, RegionState, Verdict, VerdictChange
from probes.policy.ballot import Ballot, Stance
from probes.policy.verdict import Inputs, decide
from tests.integration.control.conftest import SLUGS
from tests.integration.control.waiting import wait_until_somebody_waits

pytestmark = pytest.mark.django_db

BEFORE_VOTES: Final = "0013_worker_events"
MADE: Final = ("Registry", "Region", "Resource", "RegionState", "Verdict")
MINUTE: Final = timedelta(minutes=1)


def test_models_need_no_new_migration() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def migrate(name: str | None = None) -> ProjectState:
    """Migrate to `name`, or to the newest; the value makes the models as they are then when it is asked."""
    executor = MigrationExecutor(connection)
    targets = [("probes", name)] if name else executor.loader.graph.leaf_nodes()
    return executor.migrate(targets)


class Past:
    """Databases of their own for tests that migrate: what they begin with is made once, forwards, and copied."""

    def __init__(self) -> None:
        self._made: list[str] = []
        self._apps: dict[str, Any] = {}

    def begin(self, name: str) -> None:
        """Let the test have a database that was migrated to `name`."""
        if name not in self._made:
            former = [known for known in self._made if known < name]
            self._use(_database(name), template=_database(max(former)) if former else "template0")
            migrate(name)
            self._made.append(name)
        self._use("migrating", template=_database(name))

    def apps(self, name: str) -> Any:
        """Let the test have a database that was migrated to `name`; return the models as they were."""
        self.begin(name)
        if name not in self._apps:
            self._apps[name] = MigrationExecutor(connection).loader.project_state(("probes", name)).apps
        return self._apps[name]

    def end(self, test_database: str) -> None:
        """Have everybody use the test database again."""
        connections.close_all()
        connection.settings_dict["NAME"] = test_database

    def forget(self) -> None:
        for name in ["migrating", *map(_database, self._made)]:
            self._execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))

    def _use(self, name: str, *, template: str) -> None:
        connections.close_all()
        names = map(sql.Identifier, (name, template))
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        connection.settings_dict["NAME"] = name

    @staticmethod
    def _execute(statement: sql.Composable) -> None:
        with connection._nodb_cursor() as cursor:  # noqa: SLF001 - as Django's own tests make their databases
            cursor.execute(statement)


def _database(name: str) -> str:
    return f"migrated_to_{name}"


@pytest.fixture(scope="module")
def made(django_db_blocker: Any) -> Iterator[Past]:
    past = Past()
    yield past
    with django_db_blocker.unblock():
        past.forget()


@pytest.fixture
def past(transactional_db: None, made: Past) -> Iterator[Past]:
    """Let a test migrate to whatever it likes."""
    test_database = connection.settings_dict["NAME"]
    try:
        yield made
    finally:
        made.end(test_database)


@pytest.fixture
def before_votes(past: Past) -> Any:
    """The models of the last version in which each outcome was a vote."""
    return past.apps(BEFORE_VOTES)


def migrate_elsewhere(name: str) -> None:
    """Migrate in a thread of its own."""
    try:
        migrate(name)
    finally:
        connections.close_all()


def state(status: str, *, since: datetime, last: datetime, failures: int = 0, successes: int = 0) -> dict[str, Any]:
    return {
        "status": status,
        "reason": "ok" if status == "available" else "tag_not_found",
        "digest": "sha256:00",
        "since": since,
        "last_slot": last,
        "checked_at": last,
        "consecutive_failures": failures,
        "consecutive_successes": successes,
        "document": {"detail": "as it was"},
    }


def vote(region: str, status: str | None, slot: datetime | None) -> dict[str, Any]:
    return {
        "region": region,
        "presence": "present",
        "stride": 1,
        "status": status,
        "reason": "ok",
        "slot": slot and slot.isoformat(),
    }


def test_installation_goes_on_with_what_it_knows_and_the_version_before_writes_on(before_votes: Any) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    then = now - 10 * MINUTE
    make = {name: before_votes.get_model("probes", name).objects.create for name in MADE}
    registry = make["Registry"](host="ghcr.io")
    enrolled = {"verify_key": "k", "box_public_key": "k", "last_seen_at": now}
    regions = {slug: make["Region"](slug=slug, name=slug, **enrolled) for slug in SLUGS}
    image, idle = (
        make["Resource"](
            reference=f"ghcr.io/org/app:{tag}",
            registry=registry,
            repository="org/app",
            tag=tag,
            interval_seconds=60,
            paused_at=paused_at,
            reference_since=then,
        )
        for tag, paused_at in (("1", None), ("2", then))
    )
    for slug, found in {
        "ap-south": state("unavailable", since=then, last=now, failures=11),
        "eu-west": state("unavailable", since=now, last=now, failures=1),
        "us-east": state("indeterminate", since=now - MINUTE, last=now, successes=4),
    }.items():
        make["RegionState"](resource=image, region=regions[slug], **found)
    make["RegionState"](resource=idle, region=regions["eu-west"], **state("config_error", since=then, last=then))
    votes = [vote("ap-south", "unavailable", now), vote("eu-west", "unavailable", now), vote("us-east", None, None)]
    inputs = {
        "now": now.isoformat(),
        "interval_seconds": 60,
        "minimum_votes": 2,
        "fresh_intervals": 3,
        "votes": votes,
    }
    make["Verdict"](resource=image, state="unavailable", since=then, computed_at=now, inputs=inputs)
    make["Verdict"](resource=idle, since=then, computed_at=now)

    migrate()

    found = {item.region.slug: item for item in RegionState.objects.filter(resource=image.pk)}
    assert {slug: (item.ballot, item.stance, item.run_since) for slug, item in found.items()} == {
        "ap-south": (Ballot.BAD, Stance.BAD, then),
        "eu-west": (Ballot.BAD, Stance.GOOD, now),
        "us-east": (Ballot.GOOD, Stance.GOOD, now - MINUTE),
    }
    assert RegionState.objects.get(resource=idle.pk).stance == Stance.UNPROVED
    (change,) = VerdictChange.objects.all()
    assert (change.resource_id, change.at, change.before, change.state) == (image.pk, then, "unknown", "unavailable")
    assert decide(Inputs.from_json(change.inputs)).state == change.state
    assert [(item.resource_id, item.starts_at, item.ends_at) for item in Pause.objects.all()] == [
        (idle.pk, then, None)
    ]
    verdicts.refresh_lapsed(now=datetime.now(UTC))
    assert dict(Verdict.objects.values_list("resource_id", "state")) == {image.pk: "degraded", idle.pk: "unknown"}

    # Where one is replaced after the other, the version before is still at work.
    new = make["Resource"](reference="ghcr.io/org/app:3", registry=registry, repository="org/app", tag="3")
    make["RegionState"](
        resource=new, region=regions["eu-west"], **state("unavailable", since=now, last=now, failures=1)
    )
    make["Verdict"](resource=new, state="unavailable", since=now, computed_at=now)
    assert RegionState.objects.get(resource=new.pk).stance == Stance.UNPROVED
    assert Verdict.objects.get(resource=new.pk).explanation == ""


@pytest.mark.parametrize(
    ("begin", "end"),
    [(BEFORE_VOTES, "0014_votes"), ("0014_votes", "0015_votes_seed"), ("0026_counters", "0027_success_seed")],
)
def test_report_that_is_being_taken_in_and_a_migration_do_not_wait_for_each_other(
    past: Past, begin: str, end: str
) -> None:
    apps = past.apps(begin)
    make = {name: apps.get_model("probes", name).objects.create for name in MADE}
    now = datetime.now(UTC).replace(microsecond=0)
    registry, region = make["Registry"](host="ghcr.io"), make["Region"](slug="eu-west", name="EU")
    image = make["Resource"](reference="ghcr.io/org/app:1", registry=registry, repository="org/app", tag="1")
    make["RegionState"](resource=image, region=region, **state("unavailable", since=now, last=now, failures=1))
    make["Verdict"](resource=image, state="unavailable", since=now, computed_at=now)

    with ThreadPoolExecutor(1) as elsewhere:
        with transaction.atomic(), connection.cursor() as cursor:  # what `ingest` does, with a pause in the middle
            cursor.execute("SELECT FROM probes_verdict ORDER BY resource_id FOR NO KEY UPDATE")
            migrating = elsewhere.submit(migrate_elsewhere, end)
            wait_until_somebody_waits()
            cursor.execute("UPDATE probes_regionstate SET consecutive_failures = 2")
        migrating.result(60)


def test_rows_that_are_there_get_stable_names(past: Past) -> None:
    apps = past.apps("0031_queues_empty")
    make = {name: apps.get_model("probes", name).objects.create for name in (*MADE, "Credential", "Channel", "Rule")}
    registry, region = make["Registry"](host="ghcr.io"), make["Region"](slug="eu-west", name="EU")
    at = {"registry": registry, "repository": "org/app", "tag": "1"}
    for name in ("", "", "App", "ghcr.io/org/app:1-2", ""):
        make["Resource"](reference="ghcr.io/org/app:1", name=name, **at)
    make["Resource"](kind="http", reference="https://ghcr.io/health?token=hush", registry=registry)
    make["Credential"](registry=registry, repository_prefix="org", region=region)
    make["Rule"](channel=make["Channel"](name="On call", kind="email"), topics=["expiry"])

    after = migrate("0032_names").apps
    named = {name: after.get_model("probes", name) for name in ("Resource", "Credential", "Rule")}

    assert list(named["Resource"].objects.order_by("pk").values_list("slug", flat=True)) == [
        "ghcr.io-org-app-1",
        "ghcr.io-org-app-1-2",
        "app",
        "ghcr.io-org-app-1-2-2",
        "ghcr.io-org-app-1-3",
        "https-ghcr.io-health",
    ]
    assert [named[name].objects.get().slug for name in ("Credential", "Rule")] == [
        "ghcr.io-org-from-eu-west",
        "on-call-expiry",
    ]


@pytest.mark.parametrize(
    ("begin", "end", "held", "wanted"),
    [
        ("0017_endpoint_stages", "0018_endpoint", "probes_resource", "probes_missedslots"),
        ("0021_scopes", "0022_events", "probes_resource", "probes_regionstate"),
        ("0021_scopes", "0022_events", "probes_resource", "probes_credential"),
        ("0022_events", "0023_quota", "probes_registry", "probes_missedslots"),
        ("0022_events", "0023_quota", "probes_batch", "probes_missedslots"),
        ("0031_queues_empty", "0032_names", "probes_credential", "probes_resource"),
    ],
)
def test_whoever_reads_one_table_and_writes_another_and_a_migration_do_not_wait_for_each_other(
    past: Past, begin: str, end: str, held: str, wanted: str
) -> None:
    """As `claim_due` and `ingest` do: one is waited for by the migration, and must get to the other meanwhile."""
    past.begin(begin)
    with ThreadPoolExecutor(1) as elsewhere:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {held} IN ROW SHARE MODE")
            migrating = elsewhere.submit(migrate_elsewhere, end)
            wait_until_somebody_waits()
            cursor.execute(f"LOCK TABLE {wanted} IN ROW EXCLUSIVE MODE")
        migrating.result(60)


def whoever_waits_for_us() -> int:
    """Return the process at the database that waits for a lock of this transaction, once there is one."""
    until = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute(
                "SELECT pid FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if row := cursor.fetchone():
                return int(row[0])
            time.sleep(0.01)
    pytest.fail("nobody waits")


def test_seed_of_successes_takes_some_resources_at_a_time_and_goes_on_where_it_was_interrupted(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a million rows nobody waits for all, and none of what is written is lost when it has to wait itself."""
    monkeypatch.setattr(import_module("probes.migrations.0027_success_seed"), "RESOURCES_AT_ONCE", 2)
    before = past.apps("0026_counters")
    make = {name: before.get_model("probes", name).objects.create for name in MADE}
    now = datetime.now(UTC).replace(microsecond=0)
    registry, region = make["Registry"](host="ghcr.io"), make["Region"](slug="eu-west", name="EU")
    ballots = {"1": "good", "2": "bad", "3": "impaired", "4": "good", "5": "good"}
    rows = {}
    for tag, ballot in ballots.items():
        image = make["Resource"](reference=f"ghcr.io/org/app:{tag}", registry=registry, repository="org/app", tag=tag)
        known = state("available", since=now, last=now) | {"ballot": ballot, "success_slot": None}
        known |= dict.fromkeys(("ballot_slot", "run_since", "bad_run_since", "stance_since"), now)
        if tag == "4":
            known["success_slot"] = now - MINUTE
        make["RegionState"](resource=image, region=region, **known)
        make["Verdict"](resource=image, state="available", since=now, computed_at=now)
        rows[tag] = image.pk

    def seeded() -> dict[str, datetime | None]:
        found = before.get_model("probes", "RegionState").objects.filter(success_slot__isnull=False)
        return dict(found.order_by("resource").values_list("resource__tag", "success_slot"))

    with ThreadPoolExecutor(1) as elsewhere:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT FROM probes_verdict WHERE resource_id = %s FOR NO KEY UPDATE", [rows["4"]])
            migrating = elsewhere.submit(migrate_elsewhere, "0027_success_seed")
            waiting = whoever_waits_for_us()
            assert seeded() == {"1": now, "4": now - MINUTE}
            held = "SELECT FROM probes_verdict WHERE resource_id = ANY(%s) FOR NO KEY UPDATE NOWAIT"
            cursor.execute(held, [[rows["1"], rows["2"], rows["5"]]])
            cursor.execute("SELECT pg_cancel_backend(%s)", [waiting])
            with pytest.raises(OperationalError):
                migrating.result(60)
        assert seeded() == {"1": now, "4": now - MINUTE}
    migrate("0027_success_seed")
    assert seeded() == {"1": now, "3": now, "4": now - MINUTE, "5": now}
