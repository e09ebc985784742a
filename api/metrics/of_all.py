"""Families of all that is checked together, and of the control plane itself."""

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from itertools import groupby
from typing import Final

from api.metrics.exposition import Family, Kind, instant, labels, sample
from api.metrics.scrape import Scrape
from probes.policy.counting import Counted, at_most
from probes.policy.incidents import Level
from probes.policy.terms import Severity
from probes.policy.verdict import VerdictState
from probes.selectors import gauges, series
from probes.selectors.series import Counts
from probes.version import VERSION

BUILD: Final = Family(
    name="kairos_build_info", kind=Kind.INFO, text="The control plane's version. Always 1.", labels=("version",)
)
RESOURCES: Final = Family(
    name="kairos_resources",
    kind=Kind.GAUGE,
    text="How many resources are in a state; a paused one is paused, and otherwise it is in its verdict's.",
    labels=("registry", "kind", "group", "state"),
)
INCIDENTS: Final = Family(
    name="kairos_incidents_open",
    kind=Kind.GAUGE,
    text="How many incidents are open.",
    labels=("level", "severity"),
)
OUTCOMES: Final = Family(
    name="kairos_outcomes_total",
    kind=Kind.COUNTER,
    text="Outcomes that were taken in; without_egress are those of a region that had lost its way out.",
    labels=("registry", "region", "status"),
)
CHECK_DURATION: Final = Family(
    name="kairos_check_duration_seconds",
    kind=Kind.HISTOGRAM,
    text="How long checks took.",
    labels=("registry", "region"),
)
STEP_DURATION: Final = Family(
    name="kairos_step_duration_seconds",
    kind=Kind.HISTOGRAM,
    text="How long the slowest exchange of each step took, of a check that had one.",
    labels=("registry", "region", "step"),
)
REPORTS: Final = Family(
    name="kairos_reports_total", kind=Kind.COUNTER, text="Reports that were taken in.", labels=("region",)
)
MISSED: Final = Family(
    name="kairos_slots_missed_total",
    kind=Kind.COUNTER,
    text="Slots of resources without an outcome. Those of downtime concern every region, and name none.",
    labels=("region", "cause"),
)
LATE: Final = Family(
    name="kairos_slots_late_total",
    kind=Kind.COUNTER,
    text="Slots that had been counted as missed when their outcome came after all.",
    labels=("region",),
)
REFUSED: Final = Family(
    name="kairos_messages_refused_total",
    kind=Kind.COUNTER,
    text="Messages of regions, or parts of one, that were not taken.",
    labels=("queue", "cause"),
)
TICK: Final = Family(
    name="kairos_last_tick_timestamp_seconds",
    kind=Kind.GAUGE,
    text="When checks were last handed out; each second, while beat and a control worker run.",
)
SCHEDULE_LAG: Final = Family(
    name="kairos_schedule_lag_seconds",
    kind=Kind.GAUGE,
    text="For how long the check that is due longest has been waiting to be handed out.",
)
QUEUE_EMPTY: Final = Family(
    name="kairos_queue_last_empty_timestamp_seconds",
    kind=Kind.GAUGE,
    text="When nothing was last seen to wait in a queue that regions write to: what waits there has come since.",
    labels=("queue",),
)

_PAUSED: Final = "paused"
_STATES: Final = (*VerdictState, _PAUSED)
_CHECK: Final = "check"


def _build(_scrape: Scrape) -> Iterator[str]:
    yield sample(BUILD.name, labels(version=VERSION), 1)


def _resources(scrape: Scrape) -> Iterator[str]:
    rows = gauges.standing(by_registry=scrape.by_registry)
    for (registry, kind, group), some in groupby(rows, lambda row: row[:3]):
        counts = {row.state: row.resources for row in some}
        for state in _STATES:
            labelled = labels(registry=registry, kind=kind, group=group, state=state)
            yield sample(RESOURCES.name, labelled, counts.get(state, 0))


def _incidents(_scrape: Scrape) -> Iterator[str]:
    found = {(row.level, row.severity): row.incidents for row in gauges.open_incidents()}
    for level in Level:
        for severity in Severity:
            yield sample(INCIDENTS.name, labels(level=level, severity=severity), found.get((level, severity), 0))


def _outcomes(scrape: Scrape) -> Iterator[str]:
    for row in _counters(Counted.OUTCOMES, scrape):
        yield sample(OUTCOMES.name, labels(registry=row.registry, region=row.region, status=row.key), row.counts[0])


def _check_durations(scrape: Scrape) -> Iterator[str]:
    for row in _counters(Counted.DURATIONS, scrape):
        if row.key == _CHECK:
            yield from _histogram(CHECK_DURATION, labels(registry=row.registry, region=row.region), row)


def _step_durations(scrape: Scrape) -> Iterator[str]:
    for row in _counters(Counted.DURATIONS, scrape):
        if row.key != _CHECK:
            labelled = labels(registry=row.registry, region=row.region, step=row.key)
            yield from _histogram(STEP_DURATION, labelled, row)


def _histogram(family: Family, labelled: str, row: Counts) -> Iterator[str]:
    for bound, count in at_most(row.counts):
        le = "+Inf" if bound == float("inf") else repr(bound)
        yield sample(f"{family.name}_bucket", f'{labelled},le="{le}"', count)
    yield sample(f"{family.name}_sum", labelled, row.seconds)
    yield sample(f"{family.name}_count", labelled, sum(row.counts))


def _reports(scrape: Scrape) -> Iterator[str]:
    for row in _counters(Counted.REPORTS, scrape):
        yield sample(REPORTS.name, labels(region=row.region), row.counts[0])


def _missed(scrape: Scrape) -> Iterator[str]:
    for row in _counters(Counted.MISSED, scrape):
        yield sample(MISSED.name, labels(region=row.region, cause=row.key), row.counts[0])


def _late(scrape: Scrape) -> Iterator[str]:
    for row in _counters(Counted.LATE, scrape):
        yield sample(LATE.name, labels(region=row.region), row.counts[0])


def _refused(_scrape: Scrape) -> Iterator[str]:
    for queue, cause, count in gauges.refused():
        yield sample(REFUSED.name, labels(queue=queue, cause=cause), count)


def _tick(_scrape: Scrape) -> Iterator[str]:
    if at := gauges.ticked_at():
        yield sample(TICK.name, "", instant(at))


def _schedule_lag(scrape: Scrape) -> Iterator[str]:
    yield sample(SCHEDULE_LAG.name, "", gauges.schedule_lag(scrape.now).total_seconds())


def _queues_empty(_scrape: Scrape) -> Iterator[str]:
    found = gauges.empty()
    for queue, at in (("results", found.reports_at), ("heartbeats", found.heartbeats_at)):
        if at:
            yield sample(QUEUE_EMPTY.name, labels(queue=queue), instant(at))


def _counters(counted: Counted, scrape: Scrape) -> Iterator[Counts]:
    """Yield what was counted, of all registries together where they are not told apart."""
    found = series.counters(counted)
    if scrape.by_registry:
        yield from found
        return
    for _, some in groupby(found, lambda row: row[:2]):
        yield reduce(_sum, some)._replace(registry="")


def _sum(one: Counts, other: Counts) -> Counts:
    counts = [mine + others for mine, others in zip(one.counts, other.counts, strict=True)]
    return one._replace(counts=counts, seconds=one.seconds + other.seconds)


SAMPLES: Final[Mapping[Family, Callable[[Scrape], Iterator[str]]]] = {
    BUILD: _build,
    RESOURCES: _resources,
    INCIDENTS: _incidents,
    OUTCOMES: _outcomes,
    CHECK_DURATION: _check_durations,
    STEP_DURATION: _step_durations,
    REPORTS: _reports,
    MISSED: _missed,
    LATE: _late,
    REFUSED: _refused,
    TICK: _tick,
    SCHEDULE_LAG: _schedule_lag,
    QUEUE_EMPTY: _queues_empty,
}
