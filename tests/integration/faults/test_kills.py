"""Programs of a running pipeline are killed: what is lost, what is counted, and how soon all is well again."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone

from probes.models import Batch, Outcome
from probes.policy.slots import MissedCause
from tests.fakes.held_registry import HeldRegistry
from tests.fakes.pipeline import Pipeline
from tests.integration.faults import accounts
from tests.integration.faults.accounts import Books, Check
from tests.integration.faults.checks import Checks

pytestmark = pytest.mark.slow

REDELIVERY_SECONDS: Final = 90.0
"""The broker's visibility timeout (60 s), the time between two looks (10 s), and a restart."""

LOSS_SECONDS: Final = 130.0
"""A batch expires (10 s), is waited for (60 s), and is given up by the next of the reapings (15 s)."""

_log = logging.getLogger(__name__)


@pytest.fixture
def checks(pipeline: Pipeline, registry: HeldRegistry) -> Iterator[Checks]:
    with Checks(pipeline, registry) as checks:
        yield checks


@dataclass(frozen=True, slots=True)
class Aftermath:
    """An edge worker was killed with `in_hand`, then the control worker while it took in the reports of batches."""

    checks: Checks
    in_hand: set[Check]
    half_taken: set[UUID]
    well_again_at: datetime
    books: Books


@dataclass(frozen=True, slots=True)
class Outage:
    """A server was away, with those checks in flight when it went."""

    since: datetime
    until: datetime
    in_flight: set[Check]

    def unexplained(self, missed: Mapping[Check, str]) -> dict[Check, str]:
        """Return what was missed and neither was in flight nor fell due while nothing could be handed out."""
        return {
            check: cause
            for check, cause in missed.items()
            if check not in self.in_flight
            and not (cause == MissedCause.DOWNTIME and self.since <= check.slot <= self.until)
        }


@pytest.fixture(scope="module")
def aftermath(pipeline: Pipeline, registry: HeldRegistry) -> Aftermath:
    with Checks(pipeline, registry) as checks:
        with registry.holding("eu-west", "held/"):
            checks.wait_until_half_done("eu-west")
            in_hand = {check for check in accounts.in_flight() if check.region == "eu-west"}
            pipeline.kill("edge-eu-west")
        pipeline.start("edge-eu-west")
        _log.warning("edge worker killed: well again after %.1f s", checks.wait_for_recovery())

        half_taken = kill_control_worker_while_it_takes_in_reports(pipeline)
        pipeline.start("control")
        _log.warning("control worker killed: well again after %.1f s", checks.wait_for_recovery())
        well_again_at = timezone.now()
        taken = Batch.objects.filter(pk__in=half_taken, state=Batch.State.REPORTED)
        seconds = pipeline.wait_for(lambda: taken.count() == len(half_taken), REDELIVERY_SECONDS, "its reports")
        _log.warning("control worker killed: its reports taken in %.1f s later", seconds)
        return Aftermath(checks, in_hand, half_taken, well_again_at, checks.settle(LOSS_SECONDS))


def test_killed_edge_worker_costs_the_slots_it_had_in_hand_and_they_are_recorded(aftermath: Aftermath) -> None:
    assert len(aftermath.in_hand) == 6
    assert accounts.missed(aftermath.books) == dict.fromkeys(aftermath.in_hand, MissedCause.LOST)


def test_reports_of_a_killed_control_worker_are_taken_in_once(aftermath: Aftermath) -> None:
    assert aftermath.half_taken
    for batch in Batch.objects.filter(pk__in=aftermath.half_taken):
        assert Outcome.objects.filter(batch=batch.pk).count() == len(batch.slots)


def test_slots_after_killed_workers_are_on_time(aftermath: Aftermath) -> None:
    assert aftermath.checks.late(aftermath.well_again_at) == []


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
