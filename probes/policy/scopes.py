"""Whose fault it probably is: one outage of what many resources share, instead of many of theirs.

When most of the resources that share something fail for the same cause within the same window, that is what failed.
Of all that would explain the failures, what explains the most is chosen, and of equals the narrowest.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from probes.protocol.taxonomy import Reason, Stage, Status


class Kind(StrEnum):
    """What resources may share. Of two that explain the same and are as narrow, the first is blamed."""

    AUTH_HOST = "auth_host"
    BLOB_HOST = "blob_host"
    CREDENTIAL = "credential"
    REPOSITORY = "repository"
    REGISTRY = "registry"
    REGION = "region"


_ORDER: Final = {kind: place for place, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """One thing that resources share, such as the registry `ghcr.io` or the credential `17`."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A resource that fails: why, since when, and what of it may be to blame."""

    resource: int
    cause: str
    began_at: datetime
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """When many failures are one outage: so many per cent of the resources of a scope, and so many at least.

    It is over when at most `leave_percent` of them are left failing.
    """

    percent: int = 51
    leave_percent: int = 25
    minimum: int = 3
    window: timedelta = timedelta(minutes=10)


USUAL: Final = Bound()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A scope that failed, and the resources that failed with it."""

    scope: Scope
    cause: str
    began_at: datetime
    resources: frozenset[int]


_LOGIN: Final = frozenset(
    {
        Reason.AUTH_REQUIRED,
        Reason.AUTH_REQUIRED_OR_MISSING,
        Reason.AUTH_BAD_CREDENTIALS,
        Reason.AUTH_EXPIRED,
        Reason.AUTH_INSUFFICIENT_SCOPE,
        Reason.AUTH_DENIED,
        Reason.AUTH_DENIED_OR_MISSING,
        Reason.QUOTA_OR_BILLING,
        Reason.ENDPOINT_DENIED,
    }
)
_BLOBS: Final = frozenset({Stage.CONFIG, Stage.LAYER})

NO_SERVICE: Final = "no_service"


def cause_of(reason: Reason) -> str:
    """Return under which cause failures are alike. A host that is down resets, refuses and times out by turns."""
    return NO_SERVICE if reason.status is Status.DEGRADED and not reason.meaning.only_impairs else reason.value


def scopes_of(
    *,
    registry: str,
    repository: str,
    credential: str | None,
    reason: Reason,
    stage: Stage | None,
    host: str | None,
    regions: frozenset[str],
) -> frozenset[Scope]:
    """Return what may be to blame for a failure that `regions` see.

    A credential only where the login was refused; a host besides the registry's only where the check ended there; a
    region only where no other sees it.
    """
    found = {Scope(Kind.REGISTRY, registry), Scope(Kind.REPOSITORY, f"{registry}/{repository}")}
    if credential is not None and reason in _LOGIN:
        found.add(Scope(Kind.CREDENTIAL, credential))
    if host is not None and host != registry:
        if stage is Stage.TOKEN:
            found.add(Scope(Kind.AUTH_HOST, host))
        elif stage in _BLOBS:
            found.add(Scope(Kind.BLOB_HOST, host))
    if len(regions) == 1:
        found.add(Scope(Kind.REGION, *regions))
    return frozenset(found)


def infer(failures: Iterable[Failure], totals: Mapping[Scope, int], *, bound: Bound = USUAL) -> list[Outage]:
    """Return the outages that explain failures, the largest of each cause first; what none explains stands alone.

    `totals` is how many resources there are in each scope; of one that it does not name, those that fail.
    """
    alike: dict[str, list[Failure]] = defaultdict(list)
    for failure in failures:
        alike[failure.cause].append(failure)
    return [outage for cause in sorted(alike) for outage in _explained(cause, alike[cause], totals, bound)]


def joins(outage: Outage, failure: Failure) -> bool:
    """Tell whether a later failure belongs to an outage that is under way."""
    return outage.scope in failure.scopes and failure.cause == outage.cause and failure.began_at >= outage.began_at


def is_over(resources: Iterable[int], failing: Mapping[int, str], *, cause: str, bound: Bound = USUAL) -> bool:
    """Tell whether an outage is over: few of its `resources` still fail for its cause."""
    found = [failing.get(resource) == cause for resource in resources]
    return sum(found) * 100 <= len(found) * bound.leave_percent


def left_behind(
    resources: Iterable[int], failing: Mapping[int, str], patience: Mapping[int, timedelta], *, over_for: timedelta
) -> frozenset[int]:
    """Return which resources of an outage that is over for so long stand alone: they still fail, for whatever cause.

    Each has its own `patience`: it must have been checked often enough since to have recovered.
    """
    return frozenset(item for item in resources if item in failing and over_for >= patience.get(item, timedelta(0)))


def _explained(
    cause: str, failures: Sequence[Failure], totals: Mapping[Scope, int], bound: Bound
) -> Iterable[Outage]:
    members: dict[Scope, dict[int, Failure]] = defaultdict(dict)
    for failure in failures:
        for scope in failure.scopes:
            members[scope][failure.resource] = failure
    found = {scope: _candidate(scope, cause, inside, totals, bound) for scope, inside in members.items()}
    while candidates := [outage for outage in found.values() if outage]:
        best = min(candidates, key=lambda outage: _precedence(outage, totals))
        yield best
        explained = [members[best.scope][item] for item in best.resources]
        touched = {scope for failure in explained for scope in failure.scopes}
        for failure in explained:
            for scope in failure.scopes:
                del members[scope][failure.resource]
        for scope in touched:
            found[scope] = _candidate(scope, cause, members[scope], totals, bound)


def _precedence(outage: Outage, totals: Mapping[Scope, int]) -> tuple[int, int, int, str]:
    scope, explained = outage.scope, len(outage.resources)
    return -explained, totals.get(scope, explained), _ORDER[scope.kind], scope.name


def _candidate(
    scope: Scope, cause: str, inside: Mapping[int, Failure], totals: Mapping[Scope, int], bound: Bound
) -> Outage | None:
    together = _densest(list(inside.values()), bound.window)
    total = max(totals.get(scope, 0), len(inside))
    if len(together) < bound.minimum or len(together) * 100 < total * bound.percent:
        return None
    return Outage(
        scope=scope,
        cause=cause,
        began_at=together[0].began_at,
        resources=frozenset(failure.resource for failure in together),
    )


def _densest(failures: Sequence[Failure], window: timedelta) -> Sequence[Failure]:
    """Return the most failures that began within one window, the earliest of as many."""
    ordered = sorted(failures, key=lambda failure: (failure.began_at, failure.resource))
    best, first = (0, 0), 0
    for last, failure in enumerate(ordered):
        while failure.began_at - ordered[first].began_at > window:
            first += 1
        if last + 1 - first > best[1] - best[0]:
            best = (first, last + 1)
    return ordered[best[0] : best[1]]
