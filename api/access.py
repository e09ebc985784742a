"""What whoever asks may, and how far that reaches."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from probes.policy.access import EVERYTHING, Access, Need, NeedTable, Reach, Role, Scope
from probes.selectors import access as found
from probes.selectors import visible

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which asks for this module while it is read

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class WithinReach(BaseFilterBackend):
    """Leaves of whatever a view lists or shows what is within reach of who asks: the rest is not there for them."""

    def filter_queryset(
        self,
        request: Request,
        queryset: QuerySet[Any],
        view: "APIView",  # noqa: ARG002 - DRF's signature
    ) -> QuerySet[Any]:
        return visible.among(queryset, reach_of(request))


def access_of(request: Request) -> Access:
    """Return what the request may, which is read once."""
    _ = request.user  # who it is has been found out before it is asked what they may
    asked: Any = request._request  # noqa: SLF001 - it lives as long as the request, whoever wraps it
    if not hasattr(asked, "kairos_access"):
        asked.kairos_access = found.access_of(request.user)
    access: Access = asked.kairos_access
    return access


def need_of(view: "APIView") -> Need:
    """Return what a view asks for: by the name of its action, by its method, or as usual for the method.

    Usually whoever may read reads, and whoever writes is an editor with `write`.
    """
    needs: NeedTable = getattr(view, "needs", {})
    method = view.request.method or ""
    action = getattr(view, "action", None) or ""
    usual = Scope.READ if method in _READING else Scope.WRITE
    return Need.of(needs.get(action, needs.get(method, needs.get(method.lower(), usual))))


def reach_in(context: Mapping[str, Any], role: Role = Role.VIEWER) -> Reach:
    """Return how far the request reaches that a serializer is about. Without one, everything."""
    request = context.get("request")
    return EVERYTHING if request is None else reach_of(request, role)


def reach_of(request: Request, role: Role = Role.VIEWER) -> Reach:
    """Return how far a request reaches in a role."""
    return access_of(request).reach(role)
