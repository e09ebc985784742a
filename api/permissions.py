from typing import ClassVar

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from probes.actions import enrolment


class _May(BasePermission):
    needed: ClassVar[tuple[str, ...]]

    def has_permission(
        self,
        request: Request,
        view: APIView,  # noqa: ARG002 - DRF's signature
    ) -> bool:
        return bool(request.user.has_perms(self.needed))


class MayChangeResources(_May):
    """Ordering a check spends the registry's quota: it takes the same permission as changing the schedule."""

    needed = ("probes.change_resource",)


class MayNoteIncidents(_May):
    """Acknowledging and commenting, as in the admin."""

    needed = ("probes.change_incident",)


class MayChangeRegions(_May):
    needed = ("probes.change_region",)


class MayEnrollRegions(_May):
    needed = enrolment.MAY_ENROLL


class MayRotateRegionKeys(_May):
    needed = enrolment.MAY_ROTATE
