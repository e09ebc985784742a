"""What an image has been like over a window of time: its timelines, as the page shows them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse

from dashboard.cells import region_name
from dashboard.latency import Latency, latency
from dashboard.timelines import Timelines, timelines
from dashboard.window import Window, window_of
from probes.models import Region, Resource
from probes.policy.terms import Terms
from probes.selectors import bars, durations
from probes.selectors.sums import Source


def window(asked: Mapping[str, str], now: datetime) -> Window:
    """Return the window that the page's address asks for."""
    return window_of(asked, now=now, kept=timedelta(days=settings.KAIROS_ROLLUP_RETENTION_DAYS))


def timelines_of(
    resource: Resource,
    regions: Sequence[Region],
    window: Window,
    *,
    terms: Terms,
    kept: Mapping[str, str],
    now: datetime,
) -> Timelines:
    """Return the timelines of a resource, whose group was read with it. `kept` stays in addresses. Four queries."""
    found = bars.course(resource, regions, window.over, now=now, terms=terms)
    return timelines(
        window,
        found.verdict,
        [(region.slug, region_name(region), found.lanes[region.pk]) for region in regions],
        url=reverse("dashboard:resource", args=[resource.pk]),
        kept=kept,
        unattended="retired or paused" if resource.is_retired else "",
    )


def latency_of(resource: Resource, regions: Sequence[Region], window: Window, *, now: datetime) -> Latency | None:
    """Return how long its checks took from there; None where no whole hour has passed. Two queries."""
    try:
        found = durations.durations(
            Source.of_resource(resource.pk), [region.pk for region in regions], window.over, now=now
        )
    except ValueError:
        return None
    return latency(found, {region.pk: region_name(region) for region in regions})
