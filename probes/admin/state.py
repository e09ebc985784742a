from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from probes.admin import display
from probes.admin.filters import ResourceFilter
from probes.admin.ladder import ladder
from probes.admin.ledger import LedgerAdmin
from probes.models import RegionState


@admin.register(RegionState)
class RegionStateAdmin(LedgerAdmin):
    list_display = (
        "resource",
        "region",
        "status_shown",
        "reason",
        "stage",
        "host",
        "since_ago",
        "checked_ago",
        "runs",
    )
    list_filter = ("status", "region", ResourceFilter)
    # As the unique index has them: nothing is sorted, however many there are.
    ordering = ("resource_id", "region_id")
    sortable_by = ()
    change_form_template = "admin/probes/ladder_page.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "resource",
                    "region",
                    "status_shown",
                    "reason",
                    "stage",
                    "host",
                    "digest",
                    "since_at",
                    "last_slot_at",
                    "checked_at",
                    "runs",
                )
            },
        ),
        (
            "What is proven",
            {
                "fields": (
                    "proved_digest",
                    "manifest_proved_at",
                    "blobs_proved_at",
                )
            },
        ),
    )

    status_shown = display.state("status")
    since_ago = display.ago("since")
    checked_ago = display.ago("checked_at", "checked")
    since_at = display.at("since")
    last_slot_at = display.at("last_slot")
    checked_at = display.at("checked_at", "checked, by the region's clock")
    manifest_proved_at = display.at("manifest_proved_at", "manifest")
    blobs_proved_at = display.at("blobs_proved_at", "layers")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegionState]:
        return super().get_queryset(request).select_related("resource", "region").defer("region__heartbeat")

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().render_change_form(request, context | ladder(context["original"]), *args, **kwargs)

    @admin.display(description="in a row")
    def runs(self, state: RegionState) -> str:
        if state.consecutive_failures:
            return f"{state.consecutive_failures:,} bad"
        return f"{state.consecutive_successes:,} good"
