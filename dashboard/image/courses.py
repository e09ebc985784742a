"""What an image has been like over a window of time: its timelines and latencies, as the page shows them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse

from dashboard.cells import region_name
from dashboard.latency import Latency, latency
from dashboard.timelines import Timelines, timelines
from dashboard.window import Window, window_of
from probes.models import MaintenanceOccurrence, Region, Resource
from probes.policy.terms import Terms
from probes.selectors import bars, durations
from probes.selectors.sums import Source
from probes.selectors.uptime import RolledUntil


def window(asked: Mapping[str, str], now: datetime) -> Window:
    """Return the window that the page's address asks for."""
    return window_of(asked, now=now, kept=timedelta(days=settings.KAIROS_ROLLUP_RETENTION_DAYS))


def timelines_of(
    resource: Resource,
    regions: Sequence[Region],
    window: Window,
    *,
    terms: Terms,
    planned: Sequence[MaintenanceOccurrence],
    now: datetime,
    kept: Mapping[str, str] | None = None,
) -> Timelines:
    """Return the timelines of a resource, whose group was read with it, with a lane for each of the regions.

    `planned` is its work over the window, and `kept` stays in addresses. Two queries at most, three with lanes.
    """
    found = bars.course(resource, regions, window.over, now=now, terms=terms, planned=planned)
    return timelines(
        window,
        found.verdict,
        [(region.slug, region_name(region), found.lanes[region.pk]) for region in regions],
        url=reverse("dashboard:resource", args=[resource.pk]),
        kept=kept or {},
        unattended="retired or paused" if resource.is_retired else "",
    )


def latency_of(
    resource: Resource, regions: Sequence[Region], window: Window, *, now: datetime, until: RolledUntil
) -> Latency | None:
    """Return how long its checks took from there; None where no whole hour has passed. One query.

    `until` is what `both_rolled_until` says.
    """
    try:
        found = durations.durations(
            Source.of_resource(resource.pk), [region.pk for region in regions], window.over, now=now, until=until
        )
    except ValueError:
        return None
    return latency(found, {region.pk: region_name(region) for region in regions})
