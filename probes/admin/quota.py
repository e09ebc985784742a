from datetime import timedelta
from typing import Any, Final

from django.contrib import admin
from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from probes.admin import display
from probes.admin.filters import ResourceFilter
from probes.admin.ledger import LedgerAdmin
from probes.models import QuotaAccount, Region, ResourceCosts
from probes.policy.hearsay import readings_from_json
from probes.policy.quota_limits import Reading
from probes.policy.spans import span
from probes.selectors.quota import AccountLine, Costs, line

_DAYS: Final = 7
_UNLIMITED: Final = "no limit"


@admin.register(QuotaAccount)
class QuotaAccountAdmin(LedgerAdmin):
    """What registries let us have, and what we took of it."""

    list_display = ("whom", "limit_shown", "left", "ours", "spared", "short", "requests", "counted")
    list_filter = ("registry",)
    ordering = ("registry__host", "credential", "egress")
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("registry", "credential", "egress", "regions_shown", "source")}),
        ("What it lets us have", {"fields": ("limit_shown", "left", "told", "counting")}),
        ("What we take", {"fields": ("ours", "spared", "lowered", "put_off", "short", "requests", "counted")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[QuotaAccount]:
        lately = Q(costs__day__gt=timezone.now().date() - timedelta(days=_DAYS))
        rows: QuerySet[Any] = (
            super().get_queryset(request).select_related("registry", "credential__registry", "credential__region")
        )
        summed: QuerySet[QuotaAccount] = rows.annotate(
            all_requests=Sum("costs__requests", filter=lately), all_counted=Sum("costs__counted", filter=lately)
        )
        return summed

    def title(self, row: Any) -> str:
        return str(row)

    @admin.display(description="account")
    def whom(self, row: QuotaAccount) -> SafeString:
        who = str(row.credential) if row.credential else f"anonymous from {row.egress}"
        return format_html('{}<br><span class="quiet">{}</span>', row.registry.host, who)

    @admin.display(description="regions")
    def regions_shown(self, row: QuotaAccount) -> str:
        return ", ".join(row.regions) or display.NOTHING

    @admin.display(description="limit")
    def limit_shown(self, row: Any) -> str:
        found = _line(row)
        if found.limit is None or found.window_seconds is None:
            return _UNLIMITED if row.read_at else "not told yet"
        return f"{found.limit:,} in {span(found.window_seconds)}"

    @admin.display(description="left")
    def left(self, row: QuotaAccount) -> SafeString | str:
        if row.remaining is None:
            return display.NOTHING
        return format_html('{} <span class="quiet">{}</span>', f"{row.remaining:,}", display.aged(row.read_at))

    @admin.display(description="as each region was told")
    def told(self, row: QuotaAccount) -> SafeString | str:
        readings = readings_from_json(row.readings)
        slugs = dict(Region.objects.filter(pk__in=readings).values_list("pk", "slug"))
        lines = [
            (slugs[region], _told(reading), display.aged(reading.at))
            for region, reading in readings.items()
            if region in slugs
        ]
        return (
            format_html_join(mark_safe("<br>"), '{}: {} <span class="quiet">{}</span>', sorted(lines))
            or display.NOTHING
        )

    @admin.display(description="what counts")
    def counting(self, row: Any) -> str:
        return f"each of the {_line(row).counting}"

    @admin.display(description="ours")
    def ours(self, row: Any) -> str:
        found = _line(row)
        if found.budget is None:
            return display.NOTHING
        return f"{found.spent:,} of {found.budget:,}"

    @admin.display(description="spared")
    def spared(self, row: Any) -> str:
        """Say what was spared within the window."""
        found = _line(row)
        words = [
            f"{found.lowered:,} lowered" * bool(found.lowered),
            f"{found.put_off:,} put off" * bool(found.put_off),
        ]
        return ", ".join(filter(None, words)) or display.NOTHING

    @admin.display(description="short")
    def short(self, row: Any) -> SafeString | str:
        found = _line(row)
        if not (found.lowered or found.put_off) or row.short_since is None:
            return display.NOTHING
        return format_html("{} since {}", display.badge("degraded", "short"), display.aged(row.short_since))

    @admin.display(description=f"requests in {_DAYS} days")
    def requests(self, row: Any) -> str:
        return f"{row.all_requests or 0:,}"

    @admin.display(description=f"counted in {_DAYS} days")
    def counted(self, row: Any) -> str:
        return f"{row.all_counted or 0:,}"


@admin.register(ResourceCosts)
class ResourceCostsAdmin(LedgerAdmin):
    """What the checks of each resource cost in a day."""

    list_display = ("day", "resource", "checks", "requests", "counted")
    list_filter = ("day", ResourceFilter)
    ordering = ("-day", "-counted", "-requests")
    sortable_by = ()
    fields = ("day", "resource", "checks", "requests", "counted")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ResourceCosts]:
        return super().get_queryset(request).select_related("resource")

    def title(self, row: ResourceCosts) -> str:
        return f"{row.resource} on {row.day}"


def _told(reading: Reading) -> str:
    if reading.limit is None:
        return _UNLIMITED
    left = "" if reading.remaining is None else f"{reading.remaining:,} left of "
    return f"{left}{reading.limit:,}"


def _line(row: Any) -> AccountLine:
    return line(row, Costs(), now=timezone.now())
