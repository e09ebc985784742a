"""Whose fault it probably is: one outage of what many resources share, instead of many of theirs.

When most of the resources that share something fail for the same cause within the same window, that is what failed.
Of all that would explain the failures, what explains the most is chosen, and of equals the narrowest.

Most of them fail before their incidents open: a resource that is checked every five minutes needs three failures. So
what fails counts as soon as it does, and an incident that has been open for a moment is enough to say what of.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from probes.policy import reason_words
from probes.policy.ballot import Ballot, Stance
from probes.policy.verdict import Decision, Inputs
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

    def __str__(self) -> str:
        return f"{self.words} {self.name}"

    @property
    def words(self) -> str:
        """What it is a name of, such as `auth host`."""
        return self.kind.replace("_", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A resource that fails: why, since when, and what of it may be to blame.

    Nobody had looked for `unseen` before `began_at`: it may have begun by so much earlier. `is_told` where an
    incident is open for it, and has been for long enough that its like would be known.
    """

    resource: int
    cause: str
    began_at: datetime
    scopes: frozenset[Scope]
    unseen: timedelta = timedelta(0)
    is_told: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """How a region sees a resource fail, since a slot; `credential` is what it showed, None of an anonymous check."""

    region: str
    reason: Reason
    stage: Stage | None
    host: str | None
    since: datetime
    credential: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """When many failures are one outage: so many per cent of the resources of a scope, and so many at least.

    All of them began within the `window`. It is over when at most `leave_percent` of them are left failing.
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


_MAY_BE_THE_LOGIN: Final = frozenset(
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
"""With these the login may be what failing images have in common, as the account is of which a quota is used up.

Not for its keeper alone to mend (`owners`), nor all by which access is refused, as status pages tell it.
"""
_BLOBS: Final = frozenset({Stage.CONFIG, Stage.LAYER})

NO_SERVICE: Final = "no_service"

LONGEST_SENTENCE: Final = 500
"""Characters. What credentials are called may be longer."""


def cause_of(reason: Reason) -> str:
    """Return under which cause failures are alike. A host that is down resets, refuses and times out by turns."""
    return NO_SERVICE if reason.status is Status.DEGRADED and not reason.meaning.only_impairs else reason.value


def main_cause(reasons: Iterable[Reason]) -> str:
    """Return the cause of most of the reasons, the first by name of as many; empty where there are none."""
    found = Counter(map(cause_of, reasons))
    return min(found, key=lambda cause: (-found[cause], cause), default="")


def cause_among(inputs: Inputs, decision: Decision) -> str:
    """Return the cause for which most of the regions that fail do so; empty where none fails at present."""
    return main_cause(
        Reason(vote.reason)
        for vote in inputs.votes
        if vote.reason and vote.region not in decision.left_out
        if vote.stance is not Stance.GOOD and vote.ballot is not Ballot.GOOD
    )


def failure_of(
    resource: int,
    seen: Sequence[Sighting],
    *,
    registry: str,
    repository: str,
    own_hosts: frozenset[str] = frozenset(),
    unseen: timedelta = timedelta(0),
    is_told: bool = True,
) -> Failure:
    """Return how a resource fails, of what each region sees of it: for the cause that most of them see.

    `own_hosts` serve the API of the registry itself. An endpoint has no `repository`.
    """
    cause = main_cause(item.reason for item in seen)
    alike = [item for item in seen if cause_of(item.reason) == cause]
    scopes = (
        scopes_of(
            registry=registry,
            repository=repository,
            credential=item.credential,
            reason=item.reason,
            stage=item.stage,
            host=None if item.host in own_hosts else item.host,
            regions=frozenset(item.region for item in seen),
        )
        for item in alike
    )
    return Failure(
        resource=resource,
        cause=cause,
        began_at=min(item.since for item in alike),
        scopes=frozenset().union(*scopes),
        unseen=unseen,
        is_told=is_told,
    )


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
    found = {Scope(Kind.REGISTRY, registry)}
    if repository:
        found.add(Scope(Kind.REPOSITORY, f"{registry}/{repository}"))
    if credential is not None and reason in _MAY_BE_THE_LOGIN:
        found.add(Scope(Kind.CREDENTIAL, credential))
    if host and host != registry:  # a region may say of an empty one that it failed there
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


def joins(failure: Failure, *, scope: Scope, cause: str, began_at: datetime, bound: Bound = USUAL) -> bool:
    """Tell whether a failure belongs to an outage of `scope` that is under way since `began_at`.

    It came later, or its report did.
    """
    return scope in failure.scopes and failure.cause == cause and failure.began_at >= began_at - bound.window


def is_over(failing: int, *, extent: int, bound: Bound = USUAL) -> bool:
    """Tell whether an outage is over: few are `failing` for its cause of as many as once did."""
    return failing * 100 <= extent * bound.leave_percent


def goes_on_for(failing: Mapping[str, int], *, cause: str, extent: int, bound: Bound = USUAL) -> str | None:
    """Return for which cause an outage goes on, of how many resources fail for each; None where it is over.

    Its own, while that holds. What is repaired may fail of something else first: then that is its cause from now on.
    """
    causes = [cause, *sorted(failing, key=lambda other: (-failing[other], other))]
    return next((item for item in causes if not is_over(failing.get(item, 0), extent=extent, bound=bound)), None)


def left_behind(
    resources: Iterable[int], failing: Mapping[int, str], patience: Mapping[int, timedelta], *, over_for: timedelta
) -> frozenset[int]:
    """Return which resources of an outage that is over for so long stand alone: they still fail, for whatever cause.

    Each has its own `patience`: it must have been checked often enough since to have recovered.
    """
    return frozenset(item for item in resources if item in failing and over_for >= patience.get(item, timedelta(0)))


def sentence(name: str, cause: str, *, extent: int) -> str:
    """Return what an outage is, without a full stop; `name` is what failed, in words, and is cut where it is long."""
    before, after = f"{extent} resources of ", f" fail: {reason_words.told(cause)}"
    room = LONGEST_SENTENCE - len(before) - len(after)
    return f"{before}{name if len(name) <= room else f'{name[: room - 1]}…'}{after}"


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
    if not any(failure.is_told for failure in together):
        return None
    return Outage(
        scope=scope,
        cause=cause,
        began_at=together[0].began_at,
        resources=frozenset(failure.resource for failure in together),
    )


def _densest(failures: Sequence[Failure], window: timedelta) -> Sequence[Failure]:
    """Return the most failures that may have begun within one window, the earliest of as many."""
    events = sorted(
        event
        for failure in failures
        for event in ((failure.began_at - failure.unseen - window, 0), (failure.began_at, 1))
    )
    most, best, count = 0, None, 0
    for at, is_end in events:
        count += -1 if is_end else 1
        if count > most:
            most, best = count, at
    together = [item for item in failures if best and item.began_at - item.unseen - window <= best <= item.began_at]
    return sorted(together, key=lambda failure: (failure.began_at, failure.resource))
