from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from probes.actions import schedules
from probes.actions import sources as actions
from probes.admin.base import KairosAdmin
from probes.admin.maintenance import ZoneInput
from probes.models import Schedule, Source
from probes.policy.access import EVERYTHING
from probes.policy.spans import exact
from probes.selectors.sources import sources


@admin.register(Schedule)
class ScheduleAdmin(KairosAdmin):
    list_display = ("name", "when", "resources", "slug")
    search_fields = ("name", "slug", "crontab")
    empty_hint = (
        "Resources have intervals of their own. Add a schedule where many are to share one, or go by the clock."
    )
    fieldsets = (
        (None, {"fields": ("name", "slug")}),
        (
            "When",
            {
                "fields": ("interval_seconds", "crontab", "zone"),
                "description": "An interval, or a crontab by the clock of its time zone. Within the minute that it "
                "names each resource has a second of its own.",
            },
        ),
    )

    def get_queryset(self, _request: HttpRequest) -> QuerySet[Schedule]:
        return Schedule.objects.annotate(resource_count=Count("resources")).order_by("name")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "zone":
            options["widget"] = ZoneInput({"class": "vTextField", "spellcheck": "false"})
        return super().formfield_for_dbfield(db_field, request, **options)

    @admin.display(description="when")
    def when(self, schedule: Schedule) -> str:
        if schedule.interval_seconds:
            return f"every {exact(schedule.interval_seconds)}"
        return f"{schedule.crontab}, {schedule.zone}"

    @admin.display(description="resources")
    def resources(self, schedule: Schedule) -> int:
        return int(getattr(schedule, "resource_count", 0))

    def save_model(self, _request: HttpRequest, schedule: Schedule, _form: Any, _change: bool) -> None:  # noqa: FBT001 - Django's signature
        schedules.save(schedule, now=timezone.now())


@admin.register(Source)
class SourceAdmin(KairosAdmin):
    """Who manages rows. Programs make these; here they are looked at, named and forgotten."""

    list_display = ("name", "managed", "slug")
    search_fields = ("name", "slug")
    empty_hint = (
        "Nothing is managed by a program yet: everything is changed by hand. `manage.py apply --source` makes one."
    )
    fields = ("name", "slug", "notes", "managed")
    readonly_fields = ("managed",)

    def get_queryset(self, _request: HttpRequest) -> QuerySet[Source]:
        return sources(EVERYTHING).order_by("name")

    @admin.display(description="resources")
    def managed(self, source: Any) -> SafeString | str:
        """How many there are, and how many of these it lists no more."""
        total = getattr(source, "resource_count", 0)
        if not total:
            return "none yet"
        address = f"{reverse('admin:probes_resource_changelist')}?managed_by__id__exact={source.pk}&listed=all"
        parts = ((source.stale_count, "stale"), (source.retired_count, "retired"))
        beside = ", ".join(f"{count} {word}" for count, word in parts if count)
        return format_html(
            '<a href="{}">{}</a>{}',
            address,
            total,
            format_html('<span class="quiet">, of which {}</span>', beside) if beside else "",
        )

    def delete_model(self, _request: HttpRequest, source: Source) -> None:
        actions.delete([source.pk])

    def delete_queryset(self, _request: HttpRequest, chosen: QuerySet[Source]) -> None:
        actions.delete(chosen.values_list("pk", flat=True))
