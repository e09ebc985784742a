"""Who may do what, to which part of it (ADR 37): roles of people, scopes of tokens, and how far both reach.

A token never can more than its owner: what it may is what its scopes name, of what the owner's roles allow at that
moment, within the groups and regions that it is limited to.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self


class Scope(StrEnum):
    """What a token is for. None of them includes another."""

    READ = "read"
    PROBE = "probe"
    WRITE = "write"
    ADMIN = "admin"
    METRICS = "metrics"


class Role(StrEnum):
    """What somebody may do. Each may what those before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    EDITOR = "editor"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        return _RANKS[self] >= _RANKS[other]


_RANKS: Final = {role: rank for rank, role in enumerate(Role)}

_ROLE_OF: Final = {
    Scope.READ: Role.VIEWER,
    Scope.METRICS: Role.VIEWER,
    Scope.PROBE: Role.OPERATOR,
    Scope.WRITE: Role.EDITOR,
    Scope.ADMIN: Role.ADMIN,
}

_SCOPES_OF: Final = {
    Role.VIEWER: frozenset({Scope.READ, Scope.METRICS}),
    # What an operator writes is not the configuration: it acknowledges, comments, pauses, plans work.
    Role.OPERATOR: frozenset({Scope.READ, Scope.METRICS, Scope.PROBE, Scope.WRITE}),
    Role.EDITOR: frozenset({Scope.READ, Scope.METRICS, Scope.PROBE, Scope.WRITE}),
    Role.ADMIN: frozenset(Scope),
}


@dataclass(frozen=True, slots=True)
class Need:
    """What a request takes: a scope of its token, and a role of its user somewhere or over all.

    Whoever holds all of the Django `permissions`, where there are any, may it without the role, and over all: so it
    was before there were roles, and so it is in the admin. What is done `in_each_region` by itself is done in those
    within reach; all else that is changed takes reach over all regions that it concerns.
    """

    scope: Scope
    role: Role
    over_all: bool = False
    permissions: tuple[str, ...] = ()
    or_scope: Scope | None = None
    in_each_region: bool = False

    @classmethod
    def of(cls, needed: "Scope | Need") -> "Need":
        """Return what a scope alone asks for: the least role that goes with it."""
        return needed if isinstance(needed, Need) else cls(needed, _ROLE_OF[needed])

    @property
    def scopes(self) -> frozenset[Scope]:
        """Those of which one suffices."""
        return frozenset({self.scope, self.or_scope or self.scope})


OPERATE: Final = Need(Scope.WRITE, Role.OPERATOR)
"""What an operator does besides ordering checks: acknowledge, comment, pause, resume, plan work."""

SHARED: Final = Need(Scope.WRITE, Role.EDITOR, over_all=True)
"""Changes of what several groups share: registries, credentials, channels, schedules, policies, the groups."""

SECRETIVE: Final = Need(Scope.READ, Role.EDITOR, over_all=True)
"""A look at what says where secrets are used and who is told: credentials, channels."""

PUBLISHED: Final = Need(Scope.READ, Role.VIEWER, over_all=True)
"""A look at what status pages tell of which groups: also at those that are hidden."""

ANNOUNCE: Final = Need(Scope.WRITE, Role.OPERATOR, over_all=True)
"""Announcements on status pages: whoever reads them knows nothing of groups and reach."""

ADMINISTER: Final = Need(Scope.ADMIN, Role.ADMIN, over_all=True)


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be seen or changed: ids of groups and of regions; None is all of them.

    A resource without a group is within reach of those alone who reach all groups.
    """

    groups: frozenset[int] | None = None
    regions: frozenset[int] | None = None

    @property
    def is_everything(self) -> bool:
        return self.groups is None and self.regions is None

    def within(self, limit: "Reach") -> "Reach":
        """Return what both reach."""
        return Reach(_both(self.groups, limit.groups), _both(self.regions, limit.regions))

    def covers(self, other: "Reach") -> bool:
        """Tell whether this reaches all that the other does."""
        return self.within(other) == other

    def holds_group(self, group_id: int | None) -> bool:
        """Tell whether something of that group, or of none, is within reach."""
        return self.groups is None or group_id in self.groups

    def holds_region(self, region_id: int) -> bool:
        return self.regions is None or region_id in self.regions


EVERYTHING: Final = Reach()
NOTHING: Final = Reach(frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class Grant:
    """A role over one group, or over all of them."""

    role: Role
    group_id: int | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """What somebody may at this moment: grants of the user, scopes and limit of the token or session."""

    grants: tuple[Grant, ...] = ()
    scopes: frozenset[Scope] = frozenset(Scope)
    limit: Reach = EVERYTHING

    @classmethod
    def of_all(cls) -> Self:
        """Return what a superuser may."""
        return cls((Grant(Role.ADMIN),))

    def reach(self, role: Role) -> Reach:
        """Return how far somebody reaches in that role. Without it, no group and no region is within reach."""
        fitting = [grant.group_id for grant in self.grants if grant.role.includes(role)]
        if not fitting:
            return NOTHING
        groups = None if None in fitting else frozenset(id_ for id_ in fitting if id_ is not None)
        return Reach(groups).within(self.limit)

    def may(self, need: Need) -> bool:
        """Tell whether the role is there that is needed. Scopes are asked apart: what lacks has another name."""
        reach = self.reach(need.role)
        return reach.is_everything if need.over_all else reach != NOTHING

    @property
    def usable_scopes(self) -> frozenset[Scope]:
        """The scopes for which there is a role anywhere."""
        held: frozenset[Scope] = frozenset().union(*(_SCOPES_OF[grant.role] for grant in self.grants))
        return held & self.scopes

    def with_token(self, scopes: Iterable[Scope], limit: Reach) -> "Access":
        """Return what of this a token leaves."""
        return Access(self.grants, self.scopes & frozenset(scopes), self.limit.within(limit))


NeedTable = Mapping[str, "Scope | Need"]


def _both(one: frozenset[int] | None, other: frozenset[int] | None) -> frozenset[int] | None:
    if one is None:
        return other
    return one if other is None else one & other
