"""Days of outcomes, written by the real actions. Imports models: Django must be set up before."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import connection

from probes.actions import dispatch, partitions
from probes.actions.ingest import ingest
from probes.models import Registry, Resource
from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Outcome
from tests.fakes.far_region import FarRegion

IMAGES: Final = 200
REGIONS: Final = ("ap-south", "eu-west", "us-east")
INTERVAL: Final = timedelta(minutes=5)

_SIZES: Final = """
SELECT count(*), count(document), pg_table_size(tableoid), pg_indexes_size(tableoid)
FROM probes_outcome WHERE slot >= %s AND slot < %s GROUP BY tableoid
"""


@dataclass(frozen=True, slots=True)
class Day:
    """What one day's partition holds, and how many bytes it takes."""

    rows: int
    documents: int
    table_bytes: int
    index_bytes: int

    @property
    def bytes_per_row(self) -> float:
        return (self.table_bytes + self.index_bytes) / self.rows

    def __str__(self) -> str:
        table, indexes = self.table_bytes / self.rows, self.index_bytes / self.rows
        parts = f"table {table:.0f} bytes a row, indexes {indexes:.0f}"
        return f"{self.rows:,} rows, {self.documents:,} with a document: {parts}"


class History:
    """Images checked from three regions, from the beginning of yesterday on."""

    def __init__(self) -> None:
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self._yesterday = today - timedelta(days=1)
        partitions.ensure_partitions(today.date())
        self._regions = [FarRegion.enrolled(slug) for slug in REGIONS]
        registry = Registry.objects.create(host="registry.test")
        Resource.objects.bulk_create(
            Resource(
                reference=f"registry.test/bench/image-{number:06}:1",
                registry=registry,
                repository=f"bench/image-{number:06}",
                tag="1",
                interval_seconds=int(INTERVAL.total_seconds()),
                depth="resolve",
                reference_since=self._yesterday,
            )
            for number in range(IMAGES)
        )

    def write(self, day: int, found: Outcome, rounds: int) -> Day:
        """Have every image checked from everywhere so many times, from noon of the day; yesterday is day 0."""
        begin = self._yesterday + timedelta(days=day)
        now = begin + timedelta(hours=12)
        Resource.objects.update(next_due_at=now)
        for _ in range(rounds):
            self._check_all(now, found)
            now += INTERVAL
        with connection.cursor() as cursor:
            cursor.execute(_SIZES, [begin, begin + timedelta(days=1)])
            return Day(*cursor.fetchone())

    def _check_all(self, now: datetime, found: Outcome) -> None:
        def find(plan: CheckPlan) -> Outcome:
            conclusion = replace(found.conclusion, canonical=plan.reference)
            return replace(found, reference=plan.reference, conclusion=conclusion, started_at=now)

        regions = {f"probe.{region.slug}": region for region in self._regions}
        for message in dispatch.claim_due(now).messages:
            region = regions[message.queue]
            ingest(region.report(region.open(message), find), now=now)
