"""A random history, and what the pure functions say of it."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cached_property
from itertools import product
from typing import Any
from uuid import uuid4

from probes.actions import partitions
from probes.models import (
    MaintenanceOccurrence,
    Outcome,
    Pause,
    Region,
    Resource,
    ResourceGroup,
    Verdict,
    VerdictChange,
)
from probes.policy.intervals import Interval
from probes.policy.latency import Histogram, Timed, packed
from probes.policy.rollup import DAY, HOUR, Rolled
from probes.policy.uptime import Said, Shown, Tally, shown, tally, timeline
from probes.policy.verdict import fresh_for
from probes.protocol.taxonomy import Reason, Status
from probes.selectors.terms import terms_of

MINUTE = timedelta(minutes=1)
INTERVAL_SECONDS = 600
VERDICTS = ("available", "degraded", "unavailable", "unknown")


class Chronicle:
    """A random history of a day and a half, which ends with the hour before noon today."""

    def __init__(self, seed: int, images: list[Resource], regions: list[Region], now: datetime) -> None:
        self.chance = random.Random(seed)
        self.images, self.regions = images, regions
        self.end = now.replace(minute=0, second=0, microsecond=0)
        self.start = self.end - timedelta(hours=36)
        partitions.ensure_partitions(now.date())
        Resource.objects.update(interval_seconds=INTERVAL_SECONDS)
        patient = ResourceGroup.objects.create(name="Patient", fresh_intervals=5)
        Resource.objects.filter(pk__in=[images[0].pk, images[1].pk]).update(group=patient)
        Resource.objects.filter(pk=images[1].pk).update(fresh_intervals=2)
        for image in images:
            image.refresh_from_db()
        for image, region in product(images, regions):
            self._outcomes(image, region)
        for image in images:
            self._verdicts(image)
        self._pauses(images[0])
        for _ in range(6):
            self._work()

    @cached_property
    def outcomes(self) -> dict[tuple[int, int], list[Outcome]]:
        found: dict[tuple[int, int], list[Outcome]] = {}
        for item in Outcome.objects.order_by("slot"):
            found.setdefault((item.resource_id, item.region_id), []).append(item)
        return found

    def moment(self) -> datetime:
        return self.start + timedelta(milliseconds=self.chance.randrange(36 * 3_600_000))

    def _outcomes(self, image: Resource, region: Region) -> None:
        slots = {self.start - 40 * MINUTE + number * 10 * MINUTE for number in range(220)}
        kept = sorted(self.chance.sample(sorted(slots), 90))  # with gaps in which all lapses
        Outcome.objects.bulk_create(
            Outcome(
                resource=image,
                region=region,
                slot=slot + timedelta(milliseconds=self.chance.choice([0, 1, 750])),
                checked_at=slot,
                batch=uuid4(),
                duration_ms=1,
                status=self.chance.choice(list(Status)),
                reason=self.chance.choice(["why", "why", Reason.ENDPOINT_SLOW.value]),
                confidence="definite",
                egress_down=self.chance.random() < 0.1,
                latency=self._latency(),
            )
            for slot in kept
        )

    def _verdicts(self, image: Resource) -> None:
        state = "unknown"
        for at in sorted(self.moment() for _ in range(self.chance.randrange(6))):
            before, state = state, self.chance.choice([item for item in VERDICTS if item != state])
            VerdictChange.objects.create(resource=image, at=at, before=before, state=state)
            stands = {"state": state, "since": at, "computed_at": at}
            Verdict.objects.update_or_create(resource=image, defaults=stands)

    def _latency(self) -> bytes | None:
        timed = self.chance.sample(list(Timed), self.chance.randrange(1, 4))
        durations_ms = {item: 2 ** self.chance.uniform(-1, 17) for item in timed}
        return packed(durations_ms) if self.chance.random() < 0.9 else None

    def _pauses(self, image: Resource) -> None:
        one, two, three = sorted(self.moment() for _ in range(3))
        Pause.objects.create(resource=image, starts_at=one, ends_at=two)
        Pause.objects.create(resource=image, starts_at=three)

    def _work(self) -> None:
        start, image, region = self.moment(), self.chance.choice(self.images), self.chance.choice(self.regions)
        targets: list[dict[str, Any]] = [
            {"resource_ids": [image.pk]},
            {"registry_ids": [image.registry_id]},
            {"group_ids": [ResourceGroup.objects.get().pk]},
            {"region_ids": [region.pk]},
            {"resource_ids": [image.pk], "region_ids": [region.pk]},
        ]
        ends_at = start + self.chance.randrange(1, 200) * MINUTE
        MaintenanceOccurrence.objects.create(starts_at=start, ends_at=ends_at, **self.chance.choice(targets))

    def hours(self) -> Iterator[datetime]:
        hour = self.start
        while hour < self.end:
            yield hour
            hour += HOUR

    def expected(self, image: Resource, region: Region | None, over: Interval) -> Rolled:
        """Say by the pure functions what a row holds, from all that there is."""
        outcomes = self.outcomes.get((image.pk, region.pk), []) if region else []
        counted = [item for item in outcomes if not item.egress_down]
        within = [item for item in counted if item.slot in over]
        latency: dict[Timed, Counter[int]] = {}
        for item in within:
            for timed, number in zip(Timed, bytes(item.latency or b""), strict=False):
                if number != 255:
                    latency.setdefault(timed, Counter())[number] += 1
        return Rolled(
            outcomes=Counter(Status(item.status) for item in within),
            without_egress=sum(item.egress_down for item in outcomes if item.slot in over),
            seconds=self.seconds(image, region, over, counted),
            latency={timed: Histogram(counts) for timed, counts in latency.items()},
        )

    def seconds(self, image: Resource, region: Region | None, over: Interval, counted: list[Outcome]) -> Tally:
        holds = fresh_for(INTERVAL_SECONDS, 1, terms_of([image])[image.pk].fresh_intervals)
        said = [Said(item.slot, shown(Status(item.status), item.reason), item.slot + holds) for item in counted]
        if region is None:
            changes = VerdictChange.objects.filter(resource=image).order_by("at", "id")
            said = [Said(item.at, Shown(item.state)) for item in changes]
        work = [
            Interval(item.starts_at, item.ends_at)
            for item in MaintenanceOccurrence.objects.all()
            if (image.pk in item.resource_ids or image.registry_id in item.registry_ids)
            or image.group_id in item.group_ids
            or not (item.resource_ids or item.group_ids or item.registry_ids)
            if not item.region_ids or (region and region.pk in item.region_ids)
        ]
        pauses = [
            Interval(item.starts_at, item.ends_at or self.end + DAY) for item in Pause.objects.filter(resource=image)
        ]
        return tally(timeline(said, over=over, maintenance=work, paused=pauses))
