from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from probes.actions import incidents as actions
from probes.admin import display
from probes.admin.filters import OpenFilter, ResourceFilter
from probes.admin.ledger import LedgerAdmin
from probes.models import Incident, IncidentEntry
from probes.policy.incidents import EntryKind

_MAY_NOTE: Final = "probes.change_incident"


@admin.register(Incident)
class IncidentAdmin(LedgerAdmin):
    """What happened, as the machinery wrote it; people acknowledge and comment."""

    list_display = ("subject", "level_shown", "severity", "began_age", "resolved_age", "explanation", "seen_to")
    list_filter = (OpenFilter, "level", "severity", "resource__group", "resource__registry", ResourceFilter)
    ordering = ("-opened_at", "-id")
    sortable_by = ()
    change_form_template = "admin/probes/incident/page.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("resource", "scope_kind", "scope_name", "scope_label"),
                    "parent",
                    ("level_shown", "worst_shown", "severity"),
                    ("began_stamp", "opened_stamp", "resolved_stamp"),
                    ("is_flapping", "cause", "seen_to"),
                    "explanation",
                )
            },
        ),
    )

    level_shown = display.state("level", "level")
    worst_shown = display.state("worst", "worst")
    began_age = display.ago("began_at", "began")
    resolved_age = display.ago("resolved_at", "resolved")
    began_stamp = display.at("began_at", "began")
    opened_stamp = display.at("opened_at", "opened")
    resolved_stamp = display.at("resolved_at", "resolved")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Incident]:
        return super().get_queryset(request).select_related("resource", "parent", "acknowledged_by")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.note_view)
        return [path("<int:incident_id>/note/", view, name="probes_incident_note"), *super().get_urls()]

    def title(self, incident: Incident) -> str:
        return f"{incident.subject}: {incident.level}"

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        incident: Incident = context["original"]
        shown = {
            "entries": [_line(entry) for entry in incident.entries.select_related("by")],
            "note_address": reverse("admin:probes_incident_note", args=[incident.pk]),
            "may_note": request.user.has_perm(_MAY_NOTE),
            "may_acknowledge": incident.is_open and incident.acknowledged_at is None,
            "longest": actions.LONGEST_COMMENT,
        }
        return super().render_change_form(request, context | shown, *args, **kwargs)

    def note_view(self, request: HttpRequest, incident_id: int) -> HttpResponseBase:
        """Acknowledge or comment, as a button of the incident's page says, and come back to it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        user: Any = request.user
        if not user.has_perm(_MAY_NOTE):
            raise PermissionDenied
        if not Incident.objects.filter(pk=incident_id).exists():
            raise Http404
        text = request.POST.get("text", "").replace("\0", "").strip()[: actions.LONGEST_COMMENT]
        if request.POST.get("order") == "acknowledge":
            done = actions.acknowledge(incident_id, by=user, now=timezone.now())
            self.message_user(request, "Acknowledged." if done else "It is over, or somebody is at it already.")
        if text:
            actions.comment(incident_id, text, by=user, now=timezone.now())
        return HttpResponseRedirect(reverse("admin:probes_incident_change", args=[incident_id]))

    @admin.display(description="seen to by")
    def seen_to(self, incident: Incident) -> str:
        return str(incident.acknowledged_by or "somebody") if incident.acknowledged_at else ""


def _line(entry: IncidentEntry) -> dict[str, SafeString | str]:
    change = " → ".join(filter(None, (entry.before, entry.after)))
    who = entry.region or str(entry.by or "")
    kind = "" if entry.kind == EntryKind.REGION else entry.kind.replace("_", " ")
    return {
        "at": display.stamped(entry.at),
        "who": who,
        "what": " ".join(filter(None, (kind, change))),
        "text": entry.text,
    }
