"""The one permission of all views: what a view `needs`, held against what a request may (ADR 37)."""

from typing import TYPE_CHECKING, Any, NoReturn

from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from api.access import access_of, need_of
from probes.policy.access import EVERYTHING, Need, Reach, Role
from probes.selectors import visible
from probes.selectors.access import direct_permissions

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which asks for this module while it is read


class MeetsNeed(BasePermission):
    """Asks for a user, then for the scope, then for the role; each refusal says what is missing."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Return True. Raises `NotAuthenticated` or `PermissionDenied`."""
        if not request.user.is_authenticated:
            raise NotAuthenticated
        if not hasattr(view, (request.method or "").lower()):
            return True  # for everybody alike: 405
        access, need = access_of(request), need_of(view)
        if not need.scopes & access.scopes:
            _refuse_scope(need)
        if not access.may(need) and not _is_permitted(request, need):
            _refuse_role(need)
        return True

    def has_object_permission(self, request: Request, view: "APIView", obj: Any) -> bool:
        """Return True for what is within reach of the role. Raises `PermissionDenied`: it is seen, not changed."""
        need = need_of(view)
        if need.role is Role.VIEWER:
            return True  # it was found among what is within reach
        reach = access_of(request).reach(need.role)
        of_groups = Reach(reach.groups)
        if _is_permitted(request, need) or visible.is_within(obj, of_groups if need.in_each_region else reach):
            return True
        if visible.is_within(obj, of_groups):
            message = "This concerns regions that the token does not reach: it takes one that reaches all of them."
            raise PermissionDenied(message, code="beyond_reach")
        raise PermissionDenied(f"This takes the role {need.role} over all that this belongs to.", code="missing_role")


def _is_permitted(request: Request, need: Need) -> bool:
    """Tell whether Django's own permissions allow it. They are over all, so a token with a limit has none of them."""
    if not need.permissions or access_of(request).limit != EVERYTHING:
        return False
    return direct_permissions(request.user).issuperset(need.permissions)


def _refuse_scope(need: Need) -> NoReturn:
    names = " or ".join(f"`{scope}`" for scope in sorted(need.scopes))
    raise PermissionDenied(f"This takes a token with the scope {names}.", code="missing_scope")


def _refuse_role(need: Need) -> NoReturn:
    extent = " over everything, by a token without limits" if need.over_all else ""
    raise PermissionDenied(f"This takes the role {need.role}{extent}.", code="missing_role")
