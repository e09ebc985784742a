from collections.abc import Sequence
from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.safestring import SafeString

from probes.actions import regions
from probes.admin import display
from probes.admin.base import KairosAdmin
from probes.models import Region
from probes.selectors.regions import events, last_round, workers

EVENTS_SHOWN: Final = 20


@admin.register(Region)
class RegionAdmin(KairosAdmin):
    """Regions enrol themselves by their keys: here they are named, placed, paused and looked at."""

    list_display = ("slug", "name", "state", "since_age", "last_seen_age", "lag", "clock", "workers", "queue")
    search_fields = ("slug", "name")
    actions = ("pause", "drain", "resume", "retire")
    readonly_fields = (
        "slug",
        "state",
        "since_stamp",
        "last_seen_stamp",
        "paused_stamp",
        "draining_stamp",
        "retired_stamp",
        "queue",
        "lag",
        "clock",
        "event_table",
        "worker_table",
        "canary_table",
        "verify_key",
        "box_public_key",
    )
    fieldsets = (
        (None, {"fields": ("slug", "name", ("latitude", "longitude"))}),
        ("State", {"fields": readonly_fields[1:11]}),
        ("Workers", {"fields": ("worker_table", "canary_table")}),
        ("Public keys", {"fields": ("verify_key", "box_public_key"), "classes": ("collapse",)}),
    )

    last_seen_age = display.ago("last_seen_at", "last seen")
    last_seen_stamp = display.at("last_seen_at", "last seen")
    since_age = display.ago("condition_since", "since")
    since_stamp = display.at("condition_since", "since")
    draining_stamp = display.at("draining_at", "draining since")
    paused_stamp = display.at("paused_at", "paused since")
    retired_stamp = display.at("retired_at", "retired")

    def has_add_permission(self, _request: HttpRequest) -> bool:
        # A region without the key file of its worker would be nothing.
        return False

    def has_delete_permission(self, _request: HttpRequest, _region: Region | None = None) -> bool:
        # It is retired instead: what it found stays readable.
        return False

    @admin.display
    def state(self, region: Region) -> SafeString:
        return display.badge(region.condition.value)

    @admin.display
    def queue(self, region: Region) -> str:
        return region.queue

    @admin.display
    def workers(self, region: Region) -> int:
        return len(_workers(region))

    @admin.display(description="queue lag", ordering="queue_lag_seconds")
    def lag(self, region: Region) -> str:
        return display.NOTHING if region.queue_lag_seconds is None else f"{region.queue_lag_seconds:.1f} s"

    @admin.display(ordering="clock_offset_seconds")
    def clock(self, region: Region) -> str:
        return display.offset(region.clock_offset_seconds, region.clock_uncertainty_seconds)

    @admin.display(description="Last heartbeats")
    def worker_table(self, region: Region) -> str:
        return render_to_string("admin/probes/region/workers.html", {"workers": _workers(region)})

    @admin.display(description="Canaries")
    def canary_table(self, region: Region) -> str:
        return render_to_string("admin/probes/region/canaries.html", {"round": last_round(region)})

    @admin.display(description="Last changes")
    def event_table(self, region: Region) -> str:
        shown = [
            {
                "at": display.stamped(event.at),
                "before": event.before.replace("_", " "),
                "after": display.badge(event.after),
                "detail": event.detail,
            }
            for event in events(region)[:EVENTS_SHOWN]
        ]
        return render_to_string("admin/probes/region/events.html", {"events": shown})

    @admin.action(permissions=["change"], description="Pause: send no checks, take the vote")
    def pause(self, request: HttpRequest, chosen: QuerySet[Region]) -> None:
        count = regions.pause(chosen.values_list("pk", flat=True), now=timezone.now(), detail=_by(request))
        self.message_user(request, f"{count} paused. What is on its way still arrives.")

    @admin.action(permissions=["change"], description="Drain: send no new checks, take what is in flight, no vote")
    def drain(self, request: HttpRequest, chosen: QuerySet[Region]) -> None:
        count = regions.drain(chosen.values_list("pk", flat=True), now=timezone.now(), detail=_by(request))
        self.message_user(request, f"{count} draining. What is in flight still arrives.")

    @admin.action(permissions=["change"], description="Resume")
    def resume(self, request: HttpRequest, chosen: QuerySet[Region]) -> None:
        count = regions.resume(chosen.values_list("pk", flat=True), now=timezone.now(), detail=_by(request))
        self.message_user(request, f"{count} resumed. Checks go there from the next tick on.")

    @admin.action(permissions=["change"], description="Retire: give it up, refuse its worker")
    def retire(self, request: HttpRequest, chosen: QuerySet[Region]) -> None:
        count = regions.retire(chosen.values_list("pk", flat=True), now=timezone.now(), detail=_by(request))
        self.message_user(request, f"{count} retired. `manage.py enroll_region SLUG` brings one back.")


def _by(request: HttpRequest) -> str:
    return f"by {request.user}"


def _workers(region: Region) -> Sequence[dict[str, Any]]:
    """Return the last heartbeat of each worker, newest first, with its time as one."""
    return [
        {**worker, "received": display.aged(parse_datetime(str(worker["received_at"])))} for worker in workers(region)
    ]
