"""Families with series of each resource."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import chain
from typing import Final

from api.metrics.exposition import Family, Kind, escaped, labels, sample
from api.metrics.scrape import Scrape
from probes.policy.ballot import Stance
from probes.policy.verdict import VerdictState
from probes.protocol.endpoint import EndpointPlan
from probes.selectors import series
from probes.selectors.series import Sights, Watched

LABELS: Final = ("id", "resource", "kind", "registry", "group")

INFO: Final = Family(
    name="kairos_resource_info",
    kind=Kind.INFO,
    text="What is checked. Always 1; severity is that of its terms, and name what people call it.",
    labels=(*LABELS, "name", "severity"),
)
VERDICT: Final = Family(
    name="kairos_resource_verdict",
    kind=Kind.GAUGE,
    text="1 for the state that the verdict over all regions is, 0 for each other. Before the first it is unknown.",
    labels=(*LABELS, "state"),
)
VERDICT_SINCE: Final = Family(
    name="kairos_resource_verdict_since_timestamp_seconds",
    kind=Kind.GAUGE,
    text="Since when the verdict is what it is.",
    labels=LABELS,
)
PAUSED: Final = Family(
    name="kairos_resource_paused",
    kind=Kind.GAUGE,
    text="1 while it is paused, and its verdict that of before.",
    labels=LABELS,
)
MAINTENANCE: Final = Family(
    name="kairos_resource_maintenance",
    kind=Kind.GAUGE,
    text="1 while work on it is planned, as seen from everywhere.",
    labels=LABELS,
)
REGION_STATE: Final = Family(
    name="kairos_resource_region_state",
    kind=Kind.GAUGE,
    text="1 for the stance with which a region votes, 0 for each other.",
    labels=(*LABELS, "region", "state"),
)
LAST_SUCCESS: Final = Family(
    name="kairos_resource_last_success_timestamp_seconds",
    kind=Kind.GAUGE,
    text="The slot for which a check from the region found it last; absent where none did yet.",
    labels=(*LABELS, "region"),
)


@lru_cache(maxsize=16_384)  # a URL takes longer to read than all else in its line, and is read once for each family
def _shown(url: str) -> str:
    return EndpointPlan(url=url).reference


def _labels(named: Watched | Sights) -> str:
    """Return the labels of a resource. Of a URL its query values stay hidden, as everywhere."""
    if named.repository:
        tag = f":{named.tag}" if named.tag else ""
        digest = f"@{named.digest}" if named.digest else ""
        resource = f"{named.registry}/{named.repository}{tag}{digest}"
    else:
        resource = _shown(named.reference)
    return (
        f'id="{named.id}",resource="{escaped(resource)}",kind="{named.kind}",registry="{escaped(named.registry)}"'
        f',group="{escaped(named.group)}"'
    )


def _info(scrape: Scrape) -> Iterator[str]:
    for item in series.resources(scrape.which):
        more = labels(name=item.name, severity=item.severity)
        yield sample(INFO.name, f"{_labels(item)},{more}", 1)


def _verdicts(scrape: Scrape) -> Iterator[str]:
    for item in series.resources(scrape.which):
        yield _labels(item).join(_of_verdict(item.state or VerdictState.UNKNOWN))


def _since(scrape: Scrape) -> Iterator[str]:
    for item in series.resources(scrape.which):
        if item.since is not None:
            yield sample(VERDICT_SINCE.name, _labels(item), item.since)


def _flags(family: Family, holds: Callable[[Scrape, Watched], bool]) -> Callable[[Scrape], Iterator[str]]:
    def lines(scrape: Scrape) -> Iterator[str]:
        for item in series.resources(scrape.which):
            yield sample(family.name, _labels(item), int(holds(scrape, item)))

    return lines


def _stances(scrape: Scrape) -> Iterator[str]:
    for item in series.stances(scrape.which):
        if item.told:
            yield _labels(item).join(_of_stances(item.told))


def _successes(scrape: Scrape) -> Iterator[str]:
    for item in series.successes(scrape.which):
        if item.told:
            told = [f'region="{region}"}} {at}' for region, at in map(str.split, item.told.split(","))]
            yield _labels(item).join(_around(LAST_SUCCESS, told))


@cache
def _of_verdict(state: str) -> tuple[str, ...]:
    """Return what is around a resource's labels: a line for each state, 1 for the one that holds."""
    return _around(VERDICT, _one_hot("", state, VerdictState))


@lru_cache(maxsize=1024)  # nearly all resources are seen alike
def _of_stances(told: str) -> tuple[str, ...]:
    """Return what is around a resource's labels: for each region a line for each stance."""
    seen = map(str.split, told.split(","))
    lines = (_one_hot(f'region="{region}",', stance, Stance) for region, stance in seen)
    return _around(REGION_STATE, [*chain.from_iterable(lines)])


def _one_hot(labelled: str, holds: str, states: Iterable[str]) -> list[str]:
    """Return the end of a line for each state: none is missing from a sum."""
    return [f'{labelled}state="{state}"}} {int(state == holds)}' for state in states]


def _around(family: Family, ends: Sequence[str]) -> tuple[str, ...]:
    """Return what is around labels that are the same in several lines: `labels.join` of it is the lines."""
    begin = f"{family.name}{{"
    return (begin, *(f",{end}\n{begin}" for end in ends[:-1]), f",{ends[-1]}\n")


SAMPLES: Final[Mapping[Family, Callable[[Scrape], Iterator[str]]]] = {
    INFO: _info,
    VERDICT: _verdicts,
    VERDICT_SINCE: _since,
    PAUSED: _flags(PAUSED, lambda _, item: item.is_paused),
    MAINTENANCE: _flags(MAINTENANCE, lambda scrape, item: scrape.works.is_on(item)),
    REGION_STATE: _stances,
    LAST_SUCCESS: _successes,
}
