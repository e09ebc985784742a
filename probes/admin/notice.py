from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from kombu.exceptions import OperationalError

from probes.actions import notices
from probes.admin import display
from probes.admin.ledger import LedgerAdmin, PagedChangeList
from probes.models import Notice
from probes.policy.notices import NoticeState
from probes.tasks.notices import deliver_on_commit

_MAY_SEND = "probes.change_notice"


class _Ordering(PagedChangeList):
    """A list of which something can be ordered."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.show_admin_actions = True


@admin.register(Notice)
class NoticeAdmin(LedgerAdmin):
    """The outbox: what was told to whom, and what waits. People can have it sent again."""

    actions = ("send_again",)
    actions_selection_counter = False
    list_display = (
        "title_shown",
        "channel",
        "topic",
        "state_shown",
        "created_age",
        "due_shown",
        "attempts",
        "trouble",
    )
    list_filter = ("state", "channel", "topic")
    list_select_related = ("channel",)
    ordering = ("-id",)
    sortable_by = ()
    change_form_template = "admin/probes/notice/page.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "title_shown",
                    "text",
                    ("channel", "topic", "state_shown"),
                    ("created_stamp", "due_stamp", "sent_stamp"),
                    ("attempts", "trouble"),
                    "incident",
                    ("key", "uid"),
                )
            },
        ),
    )

    state_shown = display.state("state", "state")
    created_age = display.ago("created_at", "written")
    created_stamp = display.at("created_at", "written")
    due_stamp = display.at("due_at", "due")
    sent_stamp = display.at("sent_at", "sent")

    def get_changelist(self, request: HttpRequest, **_: Any) -> type[ChangeList]:  # noqa: ARG002 - Django's signature
        return _Ordering

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        return super().get_queryset(request).select_related("channel", "incident")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.send_again_view)
        return [path("<int:notice_id>/send/", view, name="probes_notice_send"), *super().get_urls()]

    def title(self, notice: Notice) -> str:
        return f"{notice.announcement['title']}, to {notice.channel}"

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(_MAY_SEND)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        notice: Notice = context["original"]
        shown = {
            "waits": "wait" in request.GET and notice.state == NoticeState.PENDING,
            "may_send": self.has_send_permission(request),
            "send_address": reverse("admin:probes_notice_send", args=[notice.pk]),
        }
        return super().render_change_form(request, context | shown, *args, **kwargs)

    @admin.action(permissions=["send"], description="Send again")
    def send_again(self, request: HttpRequest, chosen: QuerySet[Notice]) -> None:
        count = self._send_again(request, list(chosen.values_list("pk", flat=True)))
        self.message_user(request, f"{count} to be sent." if count else "Nothing to send.")

    def send_again_view(self, request: HttpRequest, notice_id: int) -> HttpResponseBase:
        """Send one notice again, as the button of its page says, and come back to it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_send_permission(request):
            raise PermissionDenied
        self._send_again(request, [notice_id])
        return HttpResponseRedirect(reverse("admin:probes_notice_change", args=[notice_id]) + "?wait=1")

    def _send_again(self, request: HttpRequest, ids: list[int]) -> int:
        count = 0
        try:
            with transaction.atomic():
                count = notices.send_again(ids, now=timezone.now())
                deliver_on_commit()
        except OperationalError:
            self.message_user(request, "The broker does not answer: it is sent when it does.", messages.WARNING)
        return count

    @admin.display(description="what")
    def title_shown(self, notice: Notice) -> str:
        return str(notice.announcement["title"])

    @admin.display(description="in words")
    def text(self, notice: Notice) -> str:
        return str(notice.announcement["text"])

    @admin.display(description="due")
    def due_shown(self, notice: Notice) -> str:
        return display.due(notice.due_at, timezone.now()) if notice.state == NoticeState.PENDING else ""

    @admin.display(description="why")
    def trouble(self, notice: Notice) -> str:
        return notice.last_error or notice.because
