"""What a running pipeline survives: each of its programs killed, and rubbish in each of its queues.

What is lost, what is counted, and how soon all is well again; the times go to the log as warnings.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from probes.models import Batch, MessageRefusal, Outcome, Region
from probes.policy.slots import MissedCause
from probes.protocol import batch as wire
from probes.trust.envelope import CONTROL, Kind, sign
from probes.trust.keys import ControlKeys, RegionKeys
from tests.fakes.far_region import FarRegion
from tests.fakes.held_registry import HeldRegistry
from tests.fakes.pipeline import Pipeline
from tests.integration.faults import accounts
from tests.integration.faults.accounts import Books, Check
from tests.integration.faults.checks import LATEST, Checks
from tests.integration.faults.intruder import GARBAGE, Intruder, forgeries

pytestmark = pytest.mark.slow

REDELIVERY_SECONDS: Final = 90.0
"""The broker's visibility timeout (60 s), the time between two looks (10 s), and a restart."""

LOSS_SECONDS: Final = 130.0
"""A batch expires (10 s), is waited for (60 s), and is given up by the next of the reapings (15 s)."""

REFUSAL_SECONDS: Final = 40.0
"""A region tells its counts with its next heartbeat (10 s)."""

_log = logging.getLogger(__name__)


@pytest.fixture
def checks(pipeline: Pipeline, registry: HeldRegistry) -> Iterator[Checks]:
    with Checks(pipeline, registry) as checks:
        yield checks


@dataclass(frozen=True, slots=True)
class Outage:
    """A server, or the control worker, was away, with those checks in flight when it went."""

    since: datetime
    until: datetime
    in_flight: set[Check]

    def unexplained(self, missed: Mapping[Check, str]) -> dict[Check, str]:
        """Return what was missed and neither was in flight nor fell due while nothing could be handed out.

        Nor just before: what falls due is handed out by the next tick, which may be late, and may have gone as well.
        """
        return {
            check: cause
            for check, cause in missed.items()
            if check not in self.in_flight
            and not (cause == MissedCause.DOWNTIME and self.since - LATEST <= check.slot <= self.until)
        }


@dataclass(frozen=True, slots=True)
class Aftermath:
    """An edge worker was killed with `in_hand`, then the control worker while it took in the reports of batches."""

    checks: Checks
    in_hand: set[Check]
    half_taken: set[UUID]
    without_control: Outage
    books: Books


@pytest.fixture(scope="module")
def aftermath(pipeline: Pipeline, registry: HeldRegistry) -> Aftermath:
    with Checks(pipeline, registry) as checks:
        with registry.holding("eu-west", "held/"):
            checks.wait_until_half_done("eu-west")
            in_hand = {check for check in accounts.in_flight() if check.region == "eu-west"}
            pipeline.kill("edge-eu-west")
        pipeline.start("edge-eu-west")
        _log.warning("edge worker killed: well again after %.1f s", checks.wait_for_recovery())

        killed_at = timezone.now()
        half_taken = kill_control_worker_while_it_takes_in_reports(pipeline)
        pipeline.start("control")
        _log.warning("control worker killed: well again after %.1f s", checks.wait_for_recovery())
        without_control = Outage(killed_at, timezone.now(), set())
        taken = Batch.objects.filter(pk__in=half_taken, state=Batch.State.REPORTED)
        seconds = pipeline.wait_for(lambda: taken.count() == len(half_taken), REDELIVERY_SECONDS, "its reports")
        _log.warning("control worker killed: its reports taken in %.1f s later", seconds)
        return Aftermath(checks, in_hand, half_taken, without_control, checks.settle(LOSS_SECONDS))


def test_killed_edge_worker_costs_the_slots_it_had_in_hand_and_they_are_recorded(aftermath: Aftermath) -> None:
    missed = accounts.missed(aftermath.books)
    assert len(aftermath.in_hand) == 6
    assert {check for check, cause in missed.items() if cause == MissedCause.LOST} == aftermath.in_hand


def test_killed_control_worker_costs_at_most_the_slots_that_fell_due_without_it(aftermath: Aftermath) -> None:
    missed = accounts.missed(aftermath.books)
    others = {check: cause for check, cause in missed.items() if check not in aftermath.in_hand}
    assert aftermath.without_control.unexplained(others) == {}


def test_reports_of_a_killed_control_worker_are_taken_in_once(aftermath: Aftermath) -> None:
    assert aftermath.half_taken
    for batch in Batch.objects.filter(pk__in=aftermath.half_taken):
        assert Outcome.objects.filter(batch=batch.pk).count() == len(batch.slots)


def test_slots_after_killed_workers_are_on_time(aftermath: Aftermath) -> None:
    assert aftermath.checks.late(aftermath.without_control.until) == []


def test_killed_redis_costs_no_more_than_the_slots_in_flight(
    pipeline: Pipeline, registry: HeldRegistry, checks: Checks
) -> None:
    with registry.holding("us-east", "held/"):
        checks.wait_until_half_done("us-east")
        killed_at = timezone.now()
        pipeline.kill("redis")
        pipeline.wait_for(lambda: pipeline.status("/readyz") == 503, 20, "the web server to notice")
        in_flight = accounts.in_flight()
    pipeline.wait_for(lambda: "reports wait" in pipeline.log("edge-us-east"), 20, "a report to wait for the broker")
    pipeline.start("redis")
    _log.warning("Redis killed: well again after %.1f s", checks.wait_for_recovery())
    outage = Outage(killed_at, timezone.now(), in_flight)
    checks.wait_for_a_round()
    assert outage.unexplained(accounts.missed(checks.settle(LOSS_SECONDS))) == {}
    assert checks.late(outage.until) == []
    assert pipeline.status("/readyz") == 200


def test_killed_postgres_costs_no_more_than_the_slots_in_flight(
    pipeline: Pipeline, registry: HeldRegistry, checks: Checks
) -> None:
    with registry.holding("ap-south", "held/"):
        checks.wait_until_half_done("ap-south")
        in_flight = accounts.in_flight()
        killed_at = timezone.now()
        pipeline.kill("postgres")
        pipeline.wait_for(lambda: pipeline.status("/readyz") == 503, 20, "the web server to notice")
    with pipeline.broker() as broker:
        pipeline.wait_for(lambda: broker.hlen("unacked"), 20, "a report to wait for the database")
    assert pipeline.status("/healthz") == 200
    pipeline.start("postgres")
    _log.warning("PostgreSQL killed: well again after %.1f s", checks.wait_for_recovery())
    outage = Outage(killed_at, timezone.now(), in_flight)
    checks.wait_for_a_round()
    assert outage.unexplained(accounts.missed(checks.settle(LOSS_SECONDS))) == {}
    assert checks.late(outage.until) == []
    assert pipeline.status("/readyz") == 200
    assert pipeline.get("/api/v1/outcomes")["results"]


def test_rubbish_in_every_queue_is_counted_by_cause_and_harms_no_neighbour(
    pipeline: Pipeline, checks: Checks
) -> None:
    checks.wait_for_recovery()
    counted_before, said_before = refusals(), len(pipeline.log("control"))
    region = FarRegion(Region.objects.get(slug="eu-west"), RegionKeys.load(pipeline.region_key_file("eu-west")))
    control_key = ControlKeys.load(settings.KAIROS_CONTROL_KEY_FILE).signing_key
    answered = Batch.objects.filter(region=region.row, state=Batch.State.REPORTED).latest("issued_at")
    # Without checks, so that its report costs nothing; and in no ledger, so that nobody asked for it.
    unasked = sign(Kind.BATCH, CONTROL, "eu-west", empty_batch(uuid4()).to_json(), control_key)
    heartbeat = region.heartbeat()

    intruder = Intruder(pipeline.broker_url)
    for queue in ("control", "results", "heartbeats", "probe.eu-west"):
        intruder.push(queue, *GARBAGE.values())
        intruder.send(queue, "os.system", "echo")
    for envelope in (*forgeries(Kind.BATCH, CONTROL, "eu-west").values(), unasked, unasked):
        intruder.send("probe.eu-west", "probes.edge.run_batch", envelope)
    for envelope in (*forgeries(Kind.REPORT, "eu-west", CONTROL).values(), region.report(empty_batch(answered.pk))):
        intruder.send("results", "probes.ingest", envelope)
    for envelope in (heartbeat, heartbeat):
        intruder.send("results", "probes.heartbeat", envelope)
    intruder.send("results", "probes.tick")
    intruder.send("heartbeats", "probes.ingest", region.report(empty_batch(answered.pk)))

    garbage = Counter(dict.fromkeys((*GARBAGE, "unknown_task"), 1))
    forged = Counter(forgeries(Kind.REPORT, "eu-west", CONTROL).keys())
    expected = {
        "control": garbage,
        "results": garbage + forged + Counter(unknown_task=1, replayed=2, unsolicited=1),
        "heartbeats": garbage + Counter(unknown_task=1),
        "probe.eu-west": garbage + forged + Counter(replayed=1),
    }

    def counted() -> dict[str, Counter[str]]:
        return {queue: count - counted_before[queue] for queue, count in refusals().items()}

    with suppress(RuntimeError):
        pipeline.wait_for(lambda: counted() == expected, REFUSAL_SECONDS, "every refusal to be counted")
    assert counted() == expected
    well_since = timezone.now()
    checks.wait_for_a_round()
    assert accounts.missed(checks.settle(LOSS_SECONDS)) == {}
    assert checks.late(well_since) == []
    assert "Traceback" not in pipeline.log("control")[said_before:]


def kill_control_worker_while_it_takes_in_reports(pipeline: Pipeline) -> set[UUID]:
    """Return the batches whose reports were being taken in."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Whoever takes in a report has locked its batch by now, and waits for us to write the outcomes.
        cursor.execute("LOCK TABLE probes_outcome IN EXCLUSIVE MODE")

        def is_waiting_for_us() -> bool:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'probes_outcome'::regclass"
            )
            return bool(cursor.fetchone()[0])

        pipeline.wait_for(is_waiting_for_us, 30, "the control worker to be in the middle of it")
        pipeline.kill("control")
        sent = Batch.objects.filter(state=Batch.State.SENT)
        free = sent.select_for_update(skip_locked=True).values_list("pk", flat=True)
        return set(sent.values_list("pk", flat=True)) - set(free)


def refusals() -> dict[str, Counter[str]]:
    """Return the causes of all refusals so far: the control plane's, and a region's by its workers' heartbeats."""
    counts = {queue: Counter[str]() for queue in ("control", "results", "heartbeats", "probe.eu-west")}
    for queue, cause, count in MessageRefusal.objects.values_list("queue", "cause", "count"):
        counts[queue][cause] += count
    for worker in Region.objects.get(slug="eu-west").heartbeat["workers"].values():
        counts["probe.eu-west"].update(worker["refused"])
    return counts


def empty_batch(key: UUID) -> wire.Batch:
    now = timezone.now()
    return wire.Batch(
        id=str(key), region="eu-west", issued_at=now, expires_at=now + timedelta(minutes=1), plans=(), secrets={}
    )
