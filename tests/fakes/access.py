"""Roles and tokens, given by the real actions."""

from collections.abc import Collection
from typing import Any

from django.utils import timezone

from probes.actions import access_tokens
from probes.models import AccessToken, Region, ResourceGroup, RoleGrant
from probes.policy.access import Role, Scope


def grant(user: Any, role: Role = Role.VIEWER, *groups: ResourceGroup) -> None:
    """Give a user a role over groups, or over everything."""
    for group in groups or (None,):
        RoleGrant.objects.create(user=user, role=role, group=group)


def token_of(
    user: Any,
    *scopes: Scope,
    groups: Collection[ResourceGroup] = (),
    regions: Collection[Region] = (),
    **values: Any,
) -> str:
    """Return a token of a user as it is sent, with these scopes or all of them. It has just been in use."""
    now = timezone.now()
    values = {"name": "of a test", **values}
    token = AccessToken(owner=user, scopes=list(scopes or Scope), last_used_at=now, **values)
    return access_tokens.issue(token, groups=groups, regions=regions, by=None, now=now).text
