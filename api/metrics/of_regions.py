"""Families with series of each region: few, whatever is checked."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from api.metrics.exposition import Family, Kind, instant, labels, sample
from api.metrics.scrape import Scrape
from probes.models import Region
from probes.policy.liveness import RegionCondition
from probes.selectors import gauges, workers

CONDITION: Final = Family(
    name="kairos_region_condition",
    kind=Kind.GAUGE,
    text="1 for the condition that the region is in, 0 for each other.",
    labels=("region", "condition"),
)
UP: Final = Family(
    name="kairos_region_up",
    kind=Kind.GAUGE,
    text="1 while the region is heard: it sent heartbeats, and is not silent.",
    labels=("region",),
)
VOTES: Final = Family(
    name="kairos_region_votes",
    kind=Kind.GAUGE,
    text="1 while what the region finds counts in verdicts.",
    labels=("region",),
)
HEARTBEAT: Final = Family(
    name="kairos_region_last_heartbeat_timestamp_seconds",
    kind=Kind.GAUGE,
    text="When the region was heard last; absent before the first time.",
    labels=("region",),
)
QUEUE_LAG: Final = Family(
    name="kairos_region_queue_lag_seconds",
    kind=Kind.GAUGE,
    text="How long batches wait in the region's queue, by its last heartbeat.",
    labels=("region",),
)
STRIDE: Final = Family(
    name="kairos_region_stride",
    kind=Kind.GAUGE,
    text="The region is sent every so many-th slot of each resource: more than 1 while it cannot keep up.",
    labels=("region",),
)
CLOCK: Final = Family(
    name="kairos_region_clock_offset_seconds",
    kind=Kind.GAUGE,
    text="How far the region's clock is ahead of ours.",
    labels=("region",),
)
WORKERS: Final = Family(
    name="kairos_region_workers",
    kind=Kind.GAUGE,
    text="How many workers of the region are alive, of those that are listed (20).",
    labels=("region",),
)
IN_FLIGHT: Final = Family(
    name="kairos_region_checks_in_flight",
    kind=Kind.GAUGE,
    text="How many checks the region's live workers were running, by their last heartbeats.",
    labels=("region",),
)
SEATS: Final = Family(
    name="kairos_region_seats",
    kind=Kind.GAUGE,
    text="How many checks they can run at once.",
    labels=("region",),
)
SPOOLED: Final = Family(
    name="kairos_region_spooled_reports",
    kind=Kind.GAUGE,
    text="How many reports wait at them for the broker.",
    labels=("region",),
)
OUTSTANDING: Final = Family(
    name="kairos_region_outstanding_batches",
    kind=Kind.GAUGE,
    text="How many batches were sent to the region and are not answered yet.",
    labels=("region",),
)
OLDEST: Final = Family(
    name="kairos_region_oldest_batch_timestamp_seconds",
    kind=Kind.GAUGE,
    text="When the oldest of those was issued; absent where there is none.",
    labels=("region",),
)

_Lines = Callable[[Scrape], Iterator[str]]


def _conditions(scrape: Scrape) -> Iterator[str]:
    for region in scrape.regions:
        for condition in RegionCondition:
            if condition is not RegionCondition.RETIRED:
                labelled = labels(region=region.slug, condition=condition)
                yield sample(CONDITION.name, labelled, int(region.condition is condition))


def _of_each(family: Family, value: Callable[[Region], float | None]) -> _Lines:
    """Return what yields a sample for each region of which `value` is known."""

    def lines(scrape: Scrape) -> Iterator[str]:
        for region in scrape.regions:
            if (found := value(region)) is not None:
                yield sample(family.name, labels(region=region.slug), found)

    return lines


def _of_workers(family: Family, name: str | None) -> _Lines:
    """Return what yields for each region the sum over its live workers: of a number in their heartbeats, or of 1."""

    def lines(scrape: Scrape) -> Iterator[str]:
        for region in scrape.regions:
            living = workers.living(region, now=scrape.now)
            total = sum(item.get(name, 0) if name else 1 for item in living)
            yield sample(family.name, labels(region=region.slug), total)

    return lines


def _outstanding(scrape: Scrape) -> Iterator[str]:
    found = gauges.outstanding()
    for region in scrape.regions:
        batches = found[region.pk].batches if region.pk in found else 0
        yield sample(OUTSTANDING.name, labels(region=region.slug), batches)


def _oldest(scrape: Scrape) -> Iterator[str]:
    found = gauges.outstanding()
    for region in scrape.regions:
        if region.pk in found:
            yield sample(OLDEST.name, labels(region=region.slug), instant(found[region.pk].oldest_at))


def _heard(region: Region) -> float | None:
    return instant(region.last_seen_at) if region.last_seen_at else None


SAMPLES: Final[Mapping[Family, _Lines]] = {
    CONDITION: _conditions,
    UP: _of_each(UP, lambda region: int(region.last_seen_at is not None and region.silent_since is None)),
    VOTES: _of_each(VOTES, lambda region: int(region.condition.votes)),
    HEARTBEAT: _of_each(HEARTBEAT, _heard),
    QUEUE_LAG: _of_each(QUEUE_LAG, lambda region: region.queue_lag_seconds),
    STRIDE: _of_each(STRIDE, lambda region: region.stride),
    CLOCK: _of_each(CLOCK, lambda region: region.clock_offset_seconds),
    WORKERS: _of_workers(WORKERS, None),
    IN_FLIGHT: _of_workers(IN_FLIGHT, "in_flight"),
    SEATS: _of_workers(SEATS, "seats"),
    SPOOLED: _of_workers(SPOOLED, "spooled_reports"),
    OUTSTANDING: _outstanding,
    OLDEST: _oldest,
}
