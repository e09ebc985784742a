"""Failed logins in the admin: who is locked out, and the way to end it."""

from typing import Any, Final

from axes.models import AccessAttempt
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from probes.admin import display
from probes.admin.base import KairosAdmin
from probes.policy.lockout import FAILURES, LOCK

_ORDERS: Final = ("unlock",)


@admin.register(AccessAttempt)
class FailedLoginAdmin(KairosAdmin):
    """Failures of a user name from an address, a row for each browser, until they are forgotten."""

    actions = _ORDERS
    list_display = ("username", "ip_address", "failures", "last_failure", "forgotten", "user_agent")
    list_display_links = None
    search_fields = ("username", "ip_address")
    show_full_result_count = False
    ordering = ("-attempt_time", "-pk")
    sortable_by = ()

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _row: Any = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> Any:
        """Leave out Django's own deletion: unlocking forgets all of a name and address, and asks nothing."""
        return {name: action for name, action in super().get_actions(request).items() if name in _ORDERS}

    @admin.action(permissions=["delete"], description="Unlock: forget these failures")
    def unlock(self, request: HttpRequest, chosen: QuerySet[AccessAttempt]) -> None:
        pairs = set(chosen.values_list("username", "ip_address"))
        for username, address in pairs:
            # The same name from the same address, whatever the browser: together they are what locks.
            AccessAttempt.objects.filter(username=username, ip_address=address).delete()
        self.message_user(request, f"{len(pairs)} unlocked.", messages.SUCCESS)

    @admin.display(description=f"failures (locked at {FAILURES})")
    def failures(self, attempt: AccessAttempt) -> int:
        count: int = attempt.failures_since_start
        return count

    last_failure = display.at("attempt_time")

    @admin.display(description="forgotten")
    def forgotten(self, attempt: AccessAttempt) -> SafeString | str:
        ends = attempt.attempt_time + LOCK
        return "now" if ends <= timezone.now() else display.aged(ends)
