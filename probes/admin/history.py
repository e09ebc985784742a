from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from probes.admin import display
from probes.admin.filters import ResourceFilter
from probes.admin.ledger import LedgerAdmin
from probes.admin.verdict import vote_table
from probes.models import VerdictChange


@admin.register(VerdictChange)
class VerdictChangeAdmin(LedgerAdmin):
    list_display = ("at_age", "resource", "before_shown", "state_shown", "explanation")
    list_filter = ("state", ResourceFilter)
    ordering = ("-at", "-id")
    sortable_by = ()
    left_out_of_list = ("inputs",)
    fieldsets = (
        (None, {"fields": ("resource", "at_stamp", ("before_shown", "state_shown"), "explanation")}),
        ("How it came about", {"fields": ("votes",)}),
    )

    at_age = display.ago("at")
    at_stamp = display.at("at")
    before_shown = display.state("before", "before")
    state_shown = display.state("state", "after")

    def get_queryset(self, request: HttpRequest) -> QuerySet[VerdictChange]:
        return super().get_queryset(request).select_related("resource")

    def title(self, change: VerdictChange) -> str:
        return f"{change.resource}: {change.before} → {change.state}"

    @admin.display(description="each vote")
    def votes(self, change: VerdictChange) -> SafeString | str:
        return vote_table(change.inputs)
