from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from probes.admin import display
from probes.admin.filters import ResourceFilter
from probes.admin.ladder import ladder
from probes.admin.ledger import LedgerAdmin
from probes.models import RegionState
from probes.selectors.regions import UNREAD_JOINED


@admin.register(RegionState)
class RegionStateAdmin(LedgerAdmin):
    list_display = (
        "resource",
        "from_region",
        "status_shown",
        "finding",
        "stance_shown",
        "since_age",
        "checked_age",
        "runs",
    )
    list_filter = ("status", "region", ResourceFilter)
    # As the unique index has them: nothing is sorted, however many there are.
    ordering = ("resource_id", "region_id")
    sortable_by = ()
    left_out_of_list = ("document",)
    change_form_template = "admin/probes/ladder_page.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("resource", "region"),
                    ("status_shown", "finding"),
                    ("since_stamp", "runs"),
                    ("stance_shown", "stance_since_stamp"),
                    ("last_slot_stamp", "checked_stamp"),
                    "digest",
                )
            },
        ),
        (
            "What is proven",
            {"fields": ("proved_digest", ("manifest_proved_stamp", "blobs_proved_stamp"))},
        ),
    )

    status_shown = display.state("status")
    since_age = display.ago("since")
    checked_age = display.ago("checked_at", "checked")
    since_stamp = display.at("since")
    stance_since_stamp = display.at("stance_since", "votes so since")
    last_slot_stamp = display.at("last_slot")
    checked_stamp = display.at("checked_at", "checked")
    manifest_proved_stamp = display.at("manifest_proved_at", "manifest")
    blobs_proved_stamp = display.at("blobs_proved_at", "layers")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegionState]:
        return super().get_queryset(request).select_related("resource", "region").defer(*UNREAD_JOINED)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().render_change_form(request, context | ladder(context["original"]), *args, **kwargs)

    def title(self, state: RegionState) -> str:
        return f"{state.resource} from {state.region}"

    @admin.display(description="region")
    def from_region(self, state: RegionState) -> SafeString:
        return display.whole(state.region.slug)

    @admin.display(description="reason")
    def finding(self, state: RegionState) -> SafeString:
        found = display.reason(state.reason, state.stage, state.host)
        return display.without_egress(found) if state.egress_down else found

    @admin.display(description="vote")
    def stance_shown(self, state: RegionState) -> str:
        return state.stance

    @admin.display(description="in a row")
    def runs(self, state: RegionState) -> str:
        if state.consecutive_failures:
            return f"{state.consecutive_failures:,} bad"
        return f"{state.consecutive_successes:,} good"
