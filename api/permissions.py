from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView


class MayChangeResources(BasePermission):
    """Ordering a check spends the registry's quota: it takes the same permission as changing the schedule."""

    def has_permission(
        self,
        request: Request,
        view: APIView,  # noqa: ARG002 - DRF's signature
    ) -> bool:
        return bool(request.user.has_perm("probes.change_resource"))
