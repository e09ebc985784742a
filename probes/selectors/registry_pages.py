"""A registry as its page tells of it: what lies there and how it stands, its certificates, logins and quota.

Everything has its bound, and is within reach. The ledger of quotas and the sums of all that lies there are about
everybody: whoever reaches some groups alone is not told of them (ADR 37).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from django.db.models import Count, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from probes.models import AccountCosts, Credential, HostCertificate, Incident, Registry, Resource, Verdict
from probes.policy.access import Reach
from probes.policy.verdict import VerdictState
from probes.selectors import quota, registries, visible
from probes.selectors.quota import AccountLine, Costs
from probes.selectors.regions import UNREAD_JOINED

MOST_IMAGES: Final = 20
MOST_CERTIFICATES: Final = 200
MOST_CREDENTIALS: Final = 100
MOST_ACCOUNTS: Final = 50

_WORST_FIRST: Final = (VerdictState.UNAVAILABLE, VerdictState.DEGRADED, VerdictState.UNKNOWN)
_IN_SERVICE: Final = {"resource__retired_at": None, "resource__paused_at": None}


@dataclass(frozen=True, slots=True)
class Standing:
    """How many of a registry's resources are not available, by state, and how many incidents are open there."""

    states: Mapping[str, int] = field(default_factory=dict)
    open_incidents: int = 0


def listed(reach: Reach, *, text: str = "") -> QuerySet[Registry]:
    """Return the registries within reach by host, with `resource_count` and `credential_count`. One query.

    Only those in whose host or name a text is, where one is given.
    """
    rows = registries.with_counts(reach).defer(*registries.UNREAD).order_by("host")
    return rows.filter(host__icontains=text) | rows.filter(name__icontains=text) if text else rows


def standings(registry_ids: Collection[int], reach: Reach) -> Mapping[int, Standing]:
    """Return how each of these registries stands. Two queries, which read what is not well alone."""
    states: dict[int, dict[str, int]] = defaultdict(dict)
    verdicts = visible.among(Verdict.objects.exclude(state=VerdictState.AVAILABLE), reach)
    counted = verdicts.filter(resource__registry__in=registry_ids, **_IN_SERVICE).order_by()
    for registry_id, state, count in counted.values_list("resource__registry", "state").annotate(Count("pk")):
        states[registry_id][state] = count
    incidents = visible.among(Incident.objects.filter(resolved_at=None), reach)
    found = incidents.filter(registry__in=registry_ids).order_by().values_list("registry").annotate(Count("pk"))
    are_open = {registry_id: count for registry_id, count in found if registry_id is not None}
    return {pk: Standing(states.get(pk, {}), are_open.get(pk, 0)) for pk in registry_ids}


def images(registry: Registry, reach: Reach, *, most: int = MOST_IMAGES) -> Sequence[Resource]:
    """Return at most so many resources of a registry with their verdicts: the worst first. Four queries at most."""
    rows = visible.among(Resource.objects.filter(registry=registry, retired_at=None), reach)
    hidden = (f"registry__{name}" for name in registries.UNREAD)
    rows = rows.select_related("verdict", "group", "registry").defer("verdict__inputs", "group__notes", *hidden)
    bad: list[Resource] = []
    for state in _WORST_FIRST:
        if len(bad) < most:
            bad += rows.filter(verdict__state=state, paused_at=None).order_by("pk")[: most - len(bad)]
    if len(bad) == most:
        return bad
    others = rows.exclude(pk__in=[row.pk for row in bad]).order_by("pk")
    return [*bad, *others[: most - len(bad)]]


def certificates(registry: Registry, reach: Reach, *, most: int = MOST_CERTIFICATES) -> Sequence[HostCertificate]:
    """Return what hosts on the way to a registry showed to regions last: the one that ends first leads. One query."""
    rows = HostCertificate.objects.filter(registry=registry, region__retired_at=None).select_related("region")
    rows = visible.among(rows.defer(*UNREAD_JOINED), reach)
    return list(rows.order_by("not_after", "host", "region__slug")[:most])


def credentials(registry: Registry, reach: Reach, *, most: int = MOST_CREDENTIALS) -> Sequence[Credential]:
    """Return the logins of a registry without their secrets, each with how many resources chose it. One query."""
    choosing = visible.among(Resource.objects.filter(credential=OuterRef("pk")), reach).order_by()
    counted = choosing.values("credential").annotate(count=Count("pk")).values("count")
    rows = Credential.objects.filter(registry=registry).select_related("registry", "region")
    hidden = (*(f"registry__{name}" for name in registries.UNREAD), *UNREAD_JOINED)
    rows = visible.among(rows.defer("secret_encrypted", *hidden), reach)
    return list(
        rows.annotate(resource_count=Coalesce(Subquery(counted), 0)).order_by("repository_prefix", "pk")[:most]
    )


def ledger(registry: Registry, since: date, *, now: datetime, most: int = MOST_ACCOUNTS) -> Sequence[AccountLine]:
    """Return the accounts at a registry, with what their checks cost since that day. Two queries. For all to see."""
    rows = (
        quota.with_settings().filter(registry=registry).select_related("credential__registry", "credential__region")
    )
    found = list(rows.order_by(F("credential").asc(nulls_first=True), "egress")[:most])
    costs = AccountCosts.objects.filter(day__gte=since, account__in=[row.pk for row in found]).order_by()
    sums = {
        account: Costs(checks=checks, requests=requests, counted=counted)
        for account, checks, requests, counted in costs.values_list("account").annotate(
            Sum("checks"), Sum("requests"), Sum("counted")
        )
    }
    return [quota.line(row, sums.get(row.pk, Costs()), now=now) for row in found]
