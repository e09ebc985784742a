"""Users whom an OpenID provider vouches for: made when they first log in, with the roles that it gives each time."""

import logging
from datetime import datetime
from typing import Final

from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction

from probes.models import ProviderIdentity, ResourceGroup, RoleGrant
from probes.policy.vouching import LONGEST_NAME, TEAM, Granted, Vouched

_MOST_NAMESAKES: Final = 1000

_log = logging.getLogger(__name__)


def welcome(vouched: Vouched, *, now: datetime) -> User | None:
    """Return the user whom a provider vouches for, in the teams of his roles and no other of the provider's.

    None for whoever is nobody here: a new person without a role is not made a user, one who has lost the last of his
    roles keeps what he was given by hand or nothing, and one who is not active stays out.
    """
    try:
        with transaction.atomic():
            return _welcome(vouched, now)
    except IntegrityError:
        # The same person's first login in another window, or somebody who took the name: now it is there to be seen.
        with transaction.atomic():
            return _welcome(vouched, now)


def _welcome(vouched: Vouched, now: datetime) -> User | None:
    teams = _teams(vouched.granted)
    identity = (
        ProviderIdentity.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(issuer=vouched.issuer, subject=vouched.subject)
        .first()
    )
    if identity is None:
        if not teams:
            _log.warning("nobody of that name gets a role by KAIROS_OIDC_ROLES: %s", vouched.name)
            return None
        user = User(username=_free_name(vouched.name))
        user.set_unusable_password()
        _tell(user, vouched)
        user.save()
        ProviderIdentity.objects.create(
            user=user, issuer=vouched.issuer, subject=vouched.subject, made_at=now, seen_at=now
        )
    else:
        user = identity.user
        if not user.is_active:
            return None
        _tell(user, vouched)
        user.save(update_fields=["email", "first_name", "last_name"])
        ProviderIdentity.objects.filter(pk=identity.pk).update(seen_at=now)
    kept = user.groups.exclude(name__startswith=TEAM)
    user.groups.set([*kept, *teams])
    return user if teams or _has_anything(user) else None


def _tell(user: User, vouched: Vouched) -> None:
    """Let a user be called as the provider calls him. His user name stays: it is written in histories."""
    user.email, user.first_name, user.last_name = vouched.email, vouched.first_name, vouched.last_name


def _teams(granted: frozenset[Granted]) -> list[Group]:
    """Return the groups of users that have these roles, made and given them where they are not there yet."""
    groups = {group.slug: group for group in ResourceGroup.objects.filter(slug__in=[one.group for one in granted])}
    teams = []
    for one in sorted(granted):
        if one.group and one.group not in groups:
            _log.warning("KAIROS_OIDC_ROLES names a group of resources that is not there: %s", one.group)
            continue
        team, _ = Group.objects.get_or_create(name=one.team)
        RoleGrant.objects.update_or_create(team=team, group=groups.get(one.group), defaults={"role": one.role.value})
        teams.append(team)
    return teams


def _has_anything(user: User) -> bool:
    """Tell whether a person has given this user something."""
    given = (user.groups, user.user_permissions, user.role_grants)
    return user.is_superuser or any(found.exists() for found in given)


def _free_name(wanted: str) -> str:
    """Return a user name that nobody has: a namesake is another person, whoever made him a user."""
    taken = {
        name.lower()
        for name in User.objects.filter(username__istartswith=wanted[:140]).values_list("username", flat=True)
    }
    if wanted.lower() not in taken:
        return wanted
    for number in range(2, _MOST_NAMESAKES):
        end = f"-{number}"
        if (name := wanted[: LONGEST_NAME - len(end)] + end).lower() not in taken:
            return name
    raise IntegrityError("every user name of this kind is taken")
