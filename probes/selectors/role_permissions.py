"""What a role over everything means in the admin site: the model permissions that go with it (ADR 37).

A role over some groups means none there: the admin's pages are about everybody's. Such people have the API and the
dashboard, where all is held against their reach.
"""

from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.contrib.auth.backends import BaseBackend

from probes.policy.access import Role
from probes.selectors.access import access_of

_SECRETIVE: Final = frozenset({"credential", "channel", "rule", "notice", "auditentry", "accesstoken", "rolegrant"})
"""Where secrets are used, who is told, and who may and did what: not for whoever only looks."""

_EDITED: Final = frozenset(
    {
        "resource",
        "endpoint",
        "resourcegroup",
        "registry",
        "credential",
        "channel",
        "rule",
        "maintenancewindow",
        "schedule",
        "policy",
        "globalterms",
        "statuspage",
        "statusgroup",
        "announcement",
    }
)
_OPERATED: Final = frozenset({"incident", "maintenancewindow", "announcement"})
_ALL: Final = ("view", "add", "change", "delete")


class RolePermissions(BaseBackend):
    """Nobody logs in by this: it only answers what somebody may."""

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Return the permissions that go with the user's roles over everything. One query for each user read."""
        if obj is not None or not user_obj.is_active or user_obj.is_anonymous:
            return set()
        if not hasattr(user_obj, "_kairos_role_permissions"):
            reached = (grant.role for grant in access_of(user_obj).grants if grant.group_id is None)
            user_obj._kairos_role_permissions = {name for role in reached for name in _names(role)}  # noqa: SLF001 - as Django's backend keeps its own
        found: set[str] = user_obj._kairos_role_permissions  # noqa: SLF001 - likewise
        return found


def _names(role: Role) -> Iterator[str]:
    for model in apps.get_app_config("probes").get_models():
        name = model._meta.model_name or ""  # noqa: SLF001 - public by its documentation
        if role is Role.ADMIN:
            yield from (f"probes.{verb}_{name}" for verb in _ALL)
            continue
        if name not in _SECRETIVE or (role is Role.EDITOR and name in _EDITED):
            yield f"probes.view_{name}"
        if role is Role.EDITOR and name in _EDITED:
            yield from (f"probes.{verb}_{name}" for verb in _ALL)
        if role.includes(Role.OPERATOR) and name in _OPERATED:
            yield from (f"probes.{verb}_{name}" for verb in ("add", "change"))
