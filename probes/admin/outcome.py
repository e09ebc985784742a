from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
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
        "slot_column",
        "resource",
        "from_region",
        "status_shown",
        "finding",
        "depth",
        "duration",
    )
    list_filter = (SlotFilter, "status", "region", ResourceFilter)
    sortable_by = ()
    left_out_of_list = ("document",)
    change_form_template = "admin/probes/ladder_page.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("resource_link", "region"),
                    ("slot_stamp", "checked_stamp"),
                    ("status_shown", "finding"),
                    ("depth", "confidence"),
                    "digest",
                    ("duration", "batch"),
                )
            },
        ),
    )

    slot_column = display.slots("slot")
    slot_stamp = display.at("slot")
    status_shown = display.state("status")
    checked_stamp = display.at("checked_at", "began")

    def get_queryset(self, _request: HttpRequest) -> QuerySet[Outcome]:
        return outcomes()

    def title(self, outcome: Outcome) -> str:
        return f"{outcome.resource} from {outcome.region}, {display.stamp(outcome.slot)}"

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().render_change_form(request, context | ladder(context["original"]), *args, **kwargs)

    @admin.display(description="resource")
    def resource_link(self, outcome: Outcome) -> SafeString:
        address = reverse("admin:probes_resource_change", args=[outcome.resource_id])
        return format_html('<a href="{}">{}</a>', address, outcome.resource)

    @admin.display
    def duration(self, outcome: Outcome) -> str:
        return f"{outcome.duration_ms:,} ms"

    @admin.display(description="region", ordering="region")
    def from_region(self, outcome: Outcome) -> SafeString:
        return display.whole(outcome.region.slug)

    @admin.display(description="reason")
    def finding(self, outcome: Outcome) -> SafeString:
        found = display.reason(outcome.reason, outcome.stage, outcome.host)
        return display.without_egress(found) if outcome.egress_down else found
