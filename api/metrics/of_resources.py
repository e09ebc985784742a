"""Families with series of each resource."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from api.metrics.exposition import Family, Kind, escaped, instant, labels, sample
from api.metrics.scrape import Scrape
from probes.policy.ballot import Stance
from probes.policy.verdict import VerdictState
from probes.protocol.endpoint import EndpointPlan
from probes.selectors import series
from probes.selectors.series import Named, Watched

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


@lru_cache(maxsize=4096)  # a URL takes longer to read than all else in its line, and is read once for each family
def _shown(url: str) -> str:
    return EndpointPlan(url=url).reference


def _labels(named: Named) -> str:
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
        yield sample(INFO.name, f"{_labels(item.named)},{more}", 1)


def _verdicts(scrape: Scrape) -> Iterator[str]:
    for item in series.resources(scrape.which):
        yield _one_hot(VERDICT.name, _labels(item.named), item.state or VerdictState.UNKNOWN, _VERDICTS)


def _since(scrape: Scrape) -> Iterator[str]:
    for item in series.resources(scrape.which):
        if item.since:
            yield sample(VERDICT_SINCE.name, _labels(item.named), instant(item.since))


def _flags(family: Family, holds: Callable[[Scrape, Watched], bool]) -> Callable[[Scrape], Iterator[str]]:
    def lines(scrape: Scrape) -> Iterator[str]:
        for item in series.resources(scrape.which):
            yield sample(family.name, _labels(item.named), int(holds(scrape, item)))

    return lines


def _sights(scrape: Scrape) -> Iterator[str]:
    for labelled, item in _labelled_sights(scrape):
        yield _one_hot(REGION_STATE.name, labelled, item.stance, _STANCES)


def _successes(scrape: Scrape) -> Iterator[str]:
    for labelled, item in _labelled_sights(scrape):
        if item.success_slot:
            yield sample(LAST_SUCCESS.name, labelled, instant(item.success_slot))


def _labelled_sights(scrape: Scrape) -> Iterator[tuple[str, series.Sight]]:
    """Yield each with its labels; the resource's are made once for all its regions."""
    resource, labelled = 0, ""
    for item in series.sights(scrape.which):
        if item.named.id != resource:
            resource, labelled = item.named.id, _labels(item.named)
        yield f'{labelled},region="{item.region}"', item


_VERDICTS: Final = tuple(VerdictState)
_STANCES: Final = tuple(Stance)


def _one_hot(name: str, labelled: str, state: str, states: tuple[str, ...]) -> str:
    """Return a line for each state: 1 for the one that holds, so that none is missing from a sum."""
    return "".join([f'{name}{{{labelled},state="{item}"}} {int(item == state)}\n' for item in states])


SAMPLES: Final[Mapping[Family, Callable[[Scrape], Iterator[str]]]] = {
    INFO: _info,
    VERDICT: _verdicts,
    VERDICT_SINCE: _since,
    PAUSED: _flags(PAUSED, lambda _, item: item.is_paused),
    MAINTENANCE: _flags(MAINTENANCE, lambda scrape, item: scrape.works.is_on(item)),
    REGION_STATE: _sights,
    LAST_SUCCESS: _successes,
}
