from collections.abc import Sequence
from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.safestring import SafeString

from probes.admin import display
from probes.admin.enrolment import EnrolmentAdmin
from probes.models import Region
from probes.selectors import region_keys
from probes.selectors.regions import events, last_round
from probes.selectors.workers import are_more, name_of, newest_first

EVENTS_SHOWN: Final = 20


@admin.register(Region)
class RegionAdmin(EnrolmentAdmin):
    """Regions, from their first day to their last, and what their workers say."""

    list_display = ("slug", "name", "state", "since_age", "last_seen_age", "lag", "clock", "workers", "queue")
    search_fields = ("slug", "name")
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
        "stride",
        "clock",
        "event_table",
        "worker_table",
        "canary_table",
        "keys_told",
        "verify_key",
        "box_public_key",
    )
    fieldsets = (
        (None, {"fields": ("slug", "name", ("latitude", "longitude"))}),
        ("State", {"fields": readonly_fields[1:12]}),
        ("Workers", {"fields": ("worker_table", "canary_table")}),
        ("Keys", {"fields": ("keys_told", "verify_key", "box_public_key"), "classes": ("collapse",)}),
    )

    last_seen_age = display.ago("last_seen_at", "last seen")
    last_seen_stamp = display.at("last_seen_at", "last seen")
    since_age = display.ago("condition_since", "since")
    since_stamp = display.at("condition_since", "since")
    draining_stamp = display.at("draining_at", "draining since")
    paused_stamp = display.at("paused_at", "paused since")
    retired_stamp = display.at("retired_at", "retired")

    def has_delete_permission(self, _request: HttpRequest, _region: Region | None = None) -> bool:
        # It is retired instead: what it found stays readable.
        return False

    @admin.display
    def state(self, region: Region) -> SafeString:
        return display.badge(region.condition.value)

    @admin.display
    def queue(self, region: Region) -> str:
        return region.queue

    @admin.display(description="Current")
    def keys_told(self, region: Region) -> str:
        return region_keys.told(list(region.keys.valid(timezone.now())))

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
        told = {"workers": _workers(region), "are_more": are_more(region)}
        return render_to_string("admin/probes/region/workers.html", told)

    @admin.display(description="Canaries")
    def canary_table(self, region: Region) -> str:
        return render_to_string("admin/probes/region/canaries.html", {"round": last_round(region)})

    @admin.display(description="Last changes")
    def event_table(self, region: Region) -> str:
        shown = [
            {
                "at": display.stamped(event.at),
                "who": f"worker {str(event.worker)[:8]}" if event.worker else "the region",
                "before": event.before.replace("_", " "),
                "after": display.badge(event.after),
                "detail": event.detail,
            }
            for event in events(region)[:EVENTS_SHOWN]
        ]
        return render_to_string("admin/probes/region/events.html", {"events": shown})


def _workers(region: Region) -> Sequence[dict[str, Any]]:
    """Return the last heartbeat of each worker, newest first, with its times as such, its name and its clock."""
    return [
        {
            **worker,
            "name": name_of(worker),
            "received": display.aged(parse_datetime(str(worker["received_at"]))),
            "down": display.aged(parse_datetime(worker.get("egress_down_since") or "")),
            "clock_told": display.offset(worker.get("clock_offset_seconds"), worker.get("clock_uncertainty_seconds")),
        }
        for worker in newest_first(region)
    ]
