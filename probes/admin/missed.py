from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from probes.admin import display
from probes.admin.filters import LastSlotFilter, ResourceFilter
from probes.admin.ledger import LedgerAdmin
from probes.models import MissedSlots
from probes.selectors.regions import UNREAD_JOINED


@admin.register(MissedSlots)
class MissedSlotsAdmin(LedgerAdmin):
    list_display = (
        "last_slot_column",
        "resource",
        "where",
        "cause",
        "count",
        "first_slot_column",
    )
    list_filter = (LastSlotFilter, "cause", "region", ResourceFilter)
    ordering = ("-last_slot", "-pk")
    sortable_by = ()
    fields = ("resource", "where", "cause", "count", "stride", "first_slot_stamp", "last_slot_stamp")

    last_slot_column = display.slots("last_slot")
    first_slot_column = display.slots("first_slot")
    last_slot_stamp = display.at("last_slot")
    first_slot_stamp = display.at("first_slot")

    def get_queryset(self, request: HttpRequest) -> QuerySet[MissedSlots]:
        return super().get_queryset(request).select_related("resource", "region").defer(*UNREAD_JOINED)

    def title(self, missed: MissedSlots) -> str:
        return f"{missed.resource}: {missed.count:,} slots, {missed.cause}"

    @admin.display(description="region")
    def where(self, missed: MissedSlots) -> str:
        return str(missed.region or "everywhere")
