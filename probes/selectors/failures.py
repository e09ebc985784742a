"""What fails at present that no outage of something shared explains, and how much there is of what is shared.

Resources count from their first failure on, though their incidents open later. Of what fails little is read: narrow
columns of states that an index of their own knows.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from probes.models import Incident, Region, RegionState, Resource, ResourceKind
from probes.policy.ballot import Ballot
from probes.policy.incidents import Level
from probes.policy.scopes import USUAL, Failure, Kind, Scope, Sighting, failure_of
from probes.policy.terms import Severity
from probes.policy.verdict import fresh_for
from probes.protocol.reference import HUB, HUB_API_HOST
from probes.protocol.taxonomy import Reason, Stage, Status
from probes.selectors.credentials import Keyring
from probes.selectors.maintenance import Works

TELLS_AFTER: Final = timedelta(seconds=15)
"""So long an incident is open before it says what else fails: the reports of one moment are taken in by then."""

YOUNG: Final = timedelta(minutes=15)
"""An incident that stood alone for so long is no reason to look what fails with it."""

_FAILED: Final = (Status.UNAVAILABLE.value, Status.DEGRADED.value)
_EVERY: Final = Coalesce("resource__spacing_seconds", "resource__interval_seconds")
_STATE: Final[tuple[Any, ...]] = (
    "resource_id",
    "region_id",
    "reason",
    "stage",
    "host",
    "ballot",
    "ballot_slot",
    "run_since",
    "bad_run_since",
    _EVERY,
    "resource__registry_id",
    "resource__registry__host",
    "resource__registry__api_host",
    "resource__repository",
    "resource__credential_id",
    "resource__group_id",
    "resource__kind",
)


class Failing(NamedTuple):
    """A row of `_STATE`: how a region sees a resource fail. It says of the resource what other questions need."""

    resource_id: int
    region_id: int
    reason: str
    stage: str | None
    host: str | None
    ballot: str
    ballot_slot: datetime
    run_since: datetime
    bad_run_since: datetime
    interval_seconds: int
    registry_id: int
    registry: str
    api_host: str
    repository: str
    credential_id: int | None
    group_id: int | None
    kind: str

    @property
    def pk(self) -> int:
        return self.resource_id

    @property
    def is_endpoint(self) -> bool:
        return self.kind == ResourceKind.ENDPOINT

    @property
    def since(self) -> datetime:
        """Since when it fails as it does now: slow and bad ones may alternate."""
        return self.bad_run_since if self.ballot == Ballot.BAD else self.run_since

    @property
    def own_hosts(self) -> frozenset[str]:
        """The hosts that are the registry itself."""
        return frozenset({self.registry, self.api_host} | ({HUB_API_HOST} if self.registry == HUB else set()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Loose:
    """An open incident of a resource that no open outage explains; `parent` is one that is over."""

    pk: int
    resource: int
    parent: int | None
    level: Level
    severity: Severity
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Unexplained:
    """What fails and is not explained, with the incidents that are open for it by resource."""

    failures: Sequence[Failure] = ()
    incidents: Mapping[int, Loose] = field(default_factory=dict)
    rows: Mapping[int, Failing] = field(default_factory=dict)


def _loose() -> QuerySet[Incident]:
    return Incident.objects.filter(
        Q(parent=None) | Q(parent__resolved_at__isnull=False), resolved_at=None, resource__isnull=False
    )


def are_young(*, now: datetime) -> bool:
    """Tell whether an incident opened a while ago at most that no open outage explains. One query."""
    return _young(now).exists()


def unexplained(works: Works, *, since: datetime, now: datetime) -> Unexplained:
    """Return what fails and began after `since`, or with an incident that is young. Five queries at most.

    What is paused or in maintenance is left out, as is what a region without a vote says. What failed in maintenance
    fails since that was over.
    """
    columns = ("pk", "resource_id", "parent_id", "level", "severity", "opened_at", "began_at")
    found = _loose().values_list(*columns, _EVERY)
    incidents: dict[int, Loose] = {}
    for pk, resource, parent, level, severity, opened_at, began_at, interval_seconds in found:
        incidents[resource] = Loose(
            pk=pk,
            resource=resource,
            parent=parent,
            level=Level(level),
            severity=Severity(severity),
            opened_at=opened_at,
        )
        if opened_at > now - YOUNG:
            since = min(since, began_at - timedelta(seconds=interval_seconds))
    regions = {region.pk: region for region in Region.objects.in_service() if region.condition.votes}
    since -= USUAL.window
    over = Works.over(since=since, now=now)
    by_resource: dict[int, list[Failing]] = defaultdict(list)
    for row in _states(since, regions, now=now):
        stride = regions[row.region_id].stride
        is_fresh = row.ballot_slot + fresh_for(row.interval_seconds, stride) > now
        if is_fresh and not works.end(row) and row.region_id not in works.ends_by_region(row):
            by_resource[row.resource_id].append(row)
    keyring = Keyring({rows[0].registry_id for rows in by_resource.values()})
    failures = [
        _failure(
            rows, regions, keyring, over, is_told=pk in incidents and incidents[pk].opened_at <= now - TELLS_AFTER
        )
        for pk, rows in by_resource.items()
    ]
    return Unexplained(failures, incidents, {pk: rows[0] for pk, rows in by_resource.items()})


def _young(now: datetime) -> QuerySet[Incident]:
    return _loose().filter(opened_at__gt=now - YOUNG)


def _states(since: datetime, regions: Iterable[int], *, now: datetime) -> Iterable[Failing]:
    explained = Incident.objects.filter(
        resource=OuterRef("resource"), resolved_at=None, parent__isnull=False, parent__resolved_at=None
    )
    rows = RegionState.objects.filter(
        ~Exists(explained),
        Q(run_since__gt=since) | Q(resource__in=_young(now).values("resource_id")),
        ballot__in=[Ballot.IMPAIRED.value, Ballot.BAD.value],
        status__in=_FAILED,
        region__in=list(regions),
        resource__paused_at=None,
    )
    return map(Failing._make, rows.order_by().values_list(*_STATE))


def _failure(
    rows: Sequence[Failing], regions: Mapping[int, Region], keyring: Keyring, over: Works, *, is_told: bool
) -> Failure:
    seen = []
    clear, back = over.end(rows[0]), over.ends_by_region(rows[0])
    for row in rows:
        region = regions[row.region_id].slug
        credential = keyring.shown(row, region)
        seen.append(
            Sighting(
                region=region,
                reason=Reason(row.reason),
                stage=Stage(row.stage) if row.stage else None,
                host=row.host,
                since=max(filter(None, (row.since, clear, back.get(row.region_id)))),
                credential=str(credential.pk) if credential else None,
            )
        )
    one = rows[0]
    stride = max(regions[row.region_id].stride for row in rows)
    return failure_of(
        one.resource_id,
        seen,
        registry=one.registry,
        repository=one.repository,
        own_hosts=one.own_hosts,
        unseen=timedelta(seconds=one.interval_seconds * stride),
        is_told=is_told,
    )


class Totals:
    """How many active resources there are in the scopes that may be to blame, those in maintenance left out.

    Of a host nobody knows beforehand who will ask it. Of one that gives logins all resources of its registries count;
    of one that has blobs those that fail there, and those that found theirs since.
    """

    def __init__(self, found: Unexplained, works: Works) -> None:
        self._found = found
        self._active = Resource.objects.filter(paused_at=None).exclude(works.concerned)

    def of(self, scopes: Iterable[Scope]) -> Mapping[Scope, int]:
        """Return the totals. Six queries at most."""
        wanted: dict[Kind, set[Scope]] = defaultdict(set)
        for scope in scopes:
            wanted[scope.kind].add(scope)
        totals: dict[Scope, int] = {}
        registries = self._registries(wanted)
        if registries:
            totals |= self._of_registries(registries, {scope.name for scope in wanted[Kind.CREDENTIAL]})
        for scope in wanted[Kind.AUTH_HOST]:
            hosts = {self._found.rows[item.resource].registry for item in self._in(scope)}
            totals[scope] = sum(totals[Scope(Kind.REGISTRY, host)] for host in hosts)
        if wanted[Kind.BLOB_HOST]:
            totals |= self._of_blob_hosts(wanted[Kind.BLOB_HOST])
        if wanted[Kind.REGION]:
            totals |= self._of_regions()
        return totals

    def _in(self, scope: Scope) -> list[Failure]:
        return [item for item in self._found.failures if scope in item.scopes]

    def _registries(self, wanted: Mapping[Kind, set[Scope]]) -> set[int]:
        kinds = {scope for kind, scopes in wanted.items() if kind is not Kind.REGION for scope in scopes}
        return {self._found.rows[item.resource].registry_id for item in self._found.failures if item.scopes & kinds}

    def _of_registries(self, registries: set[int], credentials: set[str]) -> Mapping[Scope, int]:
        totals: dict[Scope, int] = defaultdict(int)
        keyring = Keyring(registries) if credentials else None
        slugs = list(Region.objects.in_service().values_list("slug", flat=True)) if credentials else []
        alike = self._active.filter(registry__in=registries).order_by()
        columns = ("registry_id", "registry__host", "repository", "credential_id", "kind")
        for row in alike.values_list(*columns).annotate(count=Count("pk")):
            *_, count = row
            kin = _Alike._make(row[:-1])
            totals[Scope(Kind.REGISTRY, kin.registry)] += count
            totals[Scope(Kind.REPOSITORY, f"{kin.registry}/{kin.repository}")] += count
            shown = {item.pk for slug in slugs if keyring and (item := keyring.shown(kin, slug))}
            for pk in shown:
                totals[Scope(Kind.CREDENTIAL, str(pk))] += count
        return totals

    def _of_blob_hosts(self, scopes: set[Scope]) -> Mapping[Scope, int]:
        failing = {scope: self._in(scope) for scope in scopes}
        since = min(item.began_at - item.unseen for items in failing.values() for item in items)
        registries = {self._found.rows[item.resource].registry_id for items in failing.values() for item in items}
        proved = RegionState.objects.filter(
            resource__in=self._active.filter(registry__in=registries), blobs_proved_at__gte=since
        )
        counts = proved.order_by().values_list("resource__registry_id").annotate(Count("resource", distinct=True))
        found = dict(counts)
        return {
            scope: len(items)
            + sum(found.get(pk, 0) for pk in {self._found.rows[i.resource].registry_id for i in items})
            for scope, items in failing.items()
        }

    def _of_regions(self) -> Mapping[Scope, int]:
        everywhere = self._active.filter(regions=None).count()
        chosen = self._active.filter(regions__isnull=False).order_by()
        counts: dict[Any, int] = dict(chosen.values_list("regions").annotate(Count("pk")))
        regions = Region.objects.in_service().values_list("pk", "slug")
        return {Scope(Kind.REGION, slug): everywhere + counts.get(pk, 0) for pk, slug in regions}


class _Alike(NamedTuple):
    """Resources that share all of this."""

    registry_id: int
    registry: str
    repository: str
    credential_id: int | None
    kind: str

    @property
    def is_endpoint(self) -> bool:
        return self.kind == ResourceKind.ENDPOINT
