"""What somebody may, read from the grants and the token as they are now."""

from datetime import datetime
from functools import lru_cache
from typing import Any, Final, cast

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject

from probes.models import AccessToken, RoleGrant
from probes.policy.access import Access, Grant, Reach, Role, Scope
from probes.policy.token_text import Shown
from probes.selectors.prepared import Blank, Prepared, number

_USER: Final = Blank("user")

NOBODY: Final = Access(scopes=frozenset())

_GRANTS: Final = JSONObject(role="role", group_id="group_id")

_IS_ENDED: Final = """
WITH RECURSIVE line AS (
    SELECT * FROM probes_accesstoken WHERE id = %(id)s
    UNION
    SELECT earlier.* FROM probes_accesstoken AS earlier JOIN line ON earlier.id = line.made_with_id
)
SELECT EXISTS (
    SELECT FROM line
    JOIN auth_user AS owner ON owner.id = line.owner_id
    LEFT JOIN auth_user AS maker ON maker.id = line.created_by_id
    WHERE line.revoked_at IS NOT NULL OR line.expires_at <= %(now)s OR NOT owner.is_active OR NOT maker.is_active
)
"""


def tokens() -> QuerySet[AccessToken]:
    """Tokens with their owners and what they are limited to, the newest first. Three queries."""
    return (
        AccessToken.objects.select_related("owner", "created_by")
        .prefetch_related("groups", "regions")
        .defer("secret_hash")
        .order_by("-id")
    )


def access_of(user: User | AnonymousUser) -> Access:
    """Return what a user may who has logged in. One query, none for a superuser or for nobody."""
    if not user.is_active:
        return NOBODY
    if user.is_superuser:
        return Access.of_all()
    found = _grants().read({_USER: str(user.pk)})
    return Access(tuple(Grant(Role(role), group_id) for role, group_id in found))


@lru_cache
def _grants() -> Prepared[RoleGrant, tuple[str, int | None]]:
    rows = RoleGrant.objects.filter(Q(user=number(_USER)) | Q(team__user=number(_USER)))
    return Prepared(rows.values_list("role", "group_id"))


def token_in_force(shown: Shown, *, now: datetime) -> tuple[AccessToken, Access] | None:
    """Return the token that somebody shows, with its owner, and what it may; None unless it is in force.

    One query, and one more for a token that was made with another.
    """
    grants = RoleGrant.objects.filter(Q(user=OuterRef("owner")) | Q(team__user=OuterRef("owner"))).order_by()
    rows = AccessToken.objects.select_related("owner").filter(
        Q(expires_at=None) | Q(expires_at__gt=now),
        Q(created_by=None) | Q(created_by__is_active=True),
        prefix=shown.prefix,
        revoked_at=None,
        owner__is_active=True,
    )
    token = rows.annotate(
        grants=ArraySubquery(grants.values_list(_GRANTS)),
        group_ids=ArraySubquery(_limits("groups", "resourcegroup_id")),
        region_ids=ArraySubquery(_limits("regions", "region_id")),
    ).first()
    if token is None or not shown.is_of(bytes(token.secret_hash)):
        return None
    if token.made_with_id is not None and _is_ended(token.made_with_id, now):
        return None
    return token, _of_owner(token).with_token(map(Scope, token.scopes), _limit(token))


def direct_permissions(user: User | AnonymousUser) -> set[str]:
    """Return the Django permissions that were given to the user or to a group of users, as Django names them.

    Two queries, once for each user that was read. Those that come with roles are not among them.
    """
    return ModelBackend().get_all_permissions(user)


def is_given(user: User | AnonymousUser, permission: str) -> bool:
    """Tell whether that is one of a user's `direct_permissions`. One query, none for a superuser or for nobody."""
    if not user.is_active or user.is_superuser:
        return user.is_active
    return bool(_given(permission).read({_USER: str(user.pk)}))


@lru_cache
def _given(permission: str) -> Prepared[Permission, int]:
    app, _, codename = permission.partition(".")
    given = Permission.objects.filter(content_type__app_label=app, codename=codename)
    found = given.filter(Q(user=number(_USER)) | Q(group__user=number(_USER)))
    return Prepared(found.order_by().values_list("pk", flat=True)[:1])


def _is_ended(token_id: int, now: datetime) -> bool:
    """Tell whether a token, or one in the line of those that it was made with, is not in force any more.

    It is asked at each request: who holds one of a line may be another person than who holds the next, and whoever
    is made inactive, or revokes one while the next is being made, ends all that came of it.
    """
    with connection.cursor() as cursor:
        cursor.execute(_IS_ENDED, {"id": token_id, "now": now})
        (is_ended,) = cursor.fetchone()
    return bool(is_ended)


def _limits(field: str, column: str) -> QuerySet[Any, Any]:
    through = getattr(AccessToken, field).through
    rows = through.objects.filter(accesstoken=OuterRef("pk")).values_list(column)
    return cast("QuerySet[Any, Any]", rows)


def _of_owner(token: Any) -> Access:
    if token.owner.is_superuser:
        return Access.of_all()
    return Access(tuple(Grant(Role(grant["role"]), grant["group_id"]) for grant in token.grants))


def _limit(token: Any) -> Reach:
    return Reach(
        None if token.is_of_all_groups else frozenset(token.group_ids),
        None if token.is_of_all_regions else frozenset(token.region_ids),
    )


def limit_of(token: AccessToken) -> Reach:
    """Return what a token is limited to, of which groups and regions are prefetched or will be read."""
    return Reach(
        None if token.is_of_all_groups else frozenset(group.pk for group in token.groups.all()),
        None if token.is_of_all_regions else frozenset(region.pk for region in token.regions.all()),
    )
