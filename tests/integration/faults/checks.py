"""Images that are checked from every region while a test kills something, and what became of their slots."""

from datetime import datetime, timedelta
from typing import Final, Self

from django.db.models import F
from django.utils import timezone

from probes.actions import resources
from probes.models import Batch, Outcome, RegionState
from tests.fakes.held_registry import HeldRegistry
from tests.fakes.pipeline import REGIONS, Pipeline
from tests.integration.faults import accounts
from tests.integration.faults.accounts import Books

INTERVAL_SECONDS: Final = 10
LATEST: Final = timedelta(seconds=5)
"""How long after its slot a check begins on a busy machine. Nearly all that it takes is the tick's, a second: of 222
after faults, at a load of 3 to 5 on two cores, the latest was handed out after 1.0 s and begun after 1.1. It was 8
while servers still waited for the disk (`tests.fakes.pipeline.NOT_SYNCED`)."""

RECOVERY_SECONDS: Final = 60.0


class Checks:
    """Six images, three of them in repositories under `held/`, checked until the block ends."""

    def __init__(self, pipeline: Pipeline, registry: HeldRegistry) -> None:
        self._pipeline = pipeline
        self._registry = registry

    def __enter__(self) -> Self:
        names = [f"{place}/{place}-{number}" for place in ("held", "free") for number in range(3)]
        references = [f"{self._registry.authority}/{name}:1" for name in names]
        # Due at once and claimed by one tick: the first batch of each region holds all six.
        self.images = self._pipeline.add_images(*references, depth="resolve", interval_seconds=INTERVAL_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        resources.pause([image.pk for image in self.images], now=timezone.now())

    def wait_until_half_done(self, region: str) -> None:
        """Wait until a worker has all six in hand and three answers."""
        self._pipeline.wait_for(lambda: self._registry.waiting[region] == 3, 20, f"three checks to hang in {region}")

    def wait_for_recovery(self) -> float:
        """Wait until every region has reported on a slot yet to come; return the seconds."""
        fresh = RegionState.objects.filter(resource__in=self.images, last_slot__gt=timezone.now())
        regions = fresh.values("region").distinct()
        return self._pipeline.wait_for(lambda: regions.count() == len(REGIONS), RECOVERY_SECONDS, "new outcomes")

    def wait_for_a_round(self) -> None:
        """Wait until every image has an outcome from every region for a slot yet to come."""
        fresh = RegionState.objects.filter(resource__in=self.images, last_slot__gt=timezone.now())
        count = len(self.images) * len(REGIONS)
        self._pipeline.wait_for(lambda: fresh.count() == count, RECOVERY_SECONDS, "an outcome of every image")

    def settle(self, seconds: float) -> Books:
        """Wait until all that was sent so far is answered or given up, and return the books, in which all is well."""
        sent = Batch.objects.filter(state=Batch.State.SENT, issued_at__lte=timezone.now())
        self._pipeline.wait_for(lambda: not sent.exists(), seconds, "every batch to be answered or given up")
        books = accounts.drawn_up(self.images)
        assert accounts.errors(books) == []
        return books

    def late(self, since: datetime) -> list[str]:
        """Return a line for each check of a slot after `since` that did not begin in time."""
        outcomes = Outcome.objects.filter(resource__in=self.images, slot__gt=since, checked_at__gt=F("slot") + LATEST)
        issued = dict(Batch.objects.values_list("pk", "issued_at"))
        return [
            f"{outcome}, handed out {_seconds(outcome.slot, issued.get(outcome.batch))} s after,"
            f" begun {_seconds(outcome.slot, outcome.checked_at)} s after"
            for outcome in outcomes
        ]


def _seconds(since: datetime, until: datetime | None) -> float | None:
    return (until - since).total_seconds() if until else None
