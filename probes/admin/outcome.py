from typing import Any

from django.contrib import admin
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from probes.admin import display
from probes.admin.filters import ResourceFilter, SlotFilter
from probes.admin.ladder import ladder
from probes.admin.ledger import LedgerAdmin
from probes.models import Outcome
from probes.selectors.outcomes import outcomes


@admin.register(Outcome)
class OutcomeAdmin(LedgerAdmin):
    list_display = (
        "slot_at",
        "resource",
        "region",
        "status_shown",
        "reason",
        "where",
        "depth",
        "duration",
        "kept",
    )
    list_filter = (SlotFilter, "status", "region", ResourceFilter)
    sortable_by = ()
    change_form_template = "admin/probes/ladder_page.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "resource_link",
                    "region",
                    "slot_at",
                    "checked_at",
                    "status_shown",
                    "reason",
                    "where",
                    "confidence",
                    "depth",
                    "digest",
                    "duration",
                    "batch",
                )
            },
        ),
    )

    slot_at = display.at("slot")
    status_shown = display.state("status")
    checked_at = display.at("checked_at", "began, by the region's clock")

    def get_queryset(self, _request: HttpRequest) -> QuerySet[Outcome]:
        is_whole = ExpressionWrapper(Q(document__isnull=False), output_field=BooleanField())
        return outcomes().annotate(is_whole=is_whole)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().render_change_form(request, context | ladder(context["original"]), *args, **kwargs)

    @admin.display(description="resource")
    def resource_link(self, outcome: Outcome) -> SafeString:
        address = reverse("admin:probes_resource_change", args=[outcome.resource_id])
        return format_html('<a href="{}">{}</a>', address, outcome.resource)

    @admin.display(description="where it ended")
    def where(self, outcome: Outcome) -> str:
        return " at ".join(filter(None, (outcome.stage, outcome.host))) or display.NOTHING

    @admin.display
    def duration(self, outcome: Outcome) -> str:
        return f"{outcome.duration_ms:,} ms"

    @admin.display(description="kept")
    def kept(self, outcome: Any) -> str:
        return "whole" if outcome.is_whole else "summary"
