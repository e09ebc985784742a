"""What whoever asks may, and how far that reaches."""

from typing import TYPE_CHECKING, Any

from rest_framework.request import Request

from probes.policy.access import Access, Need, NeedTable, Reach, Role, Scope
from probes.selectors import access as found

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which asks for this module while it is read

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


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


def reach_of(request: Request, role: Role = Role.VIEWER) -> Reach:
    """Return how far a request reaches in a role."""
    return access_of(request).reach(role)
