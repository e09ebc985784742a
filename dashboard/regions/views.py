"""Regions: selector → template. The list as cards, and of each one how it is and what it says alone."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.access import reach_of, readers_only
from dashboard.latency import latency
from dashboard.narrowing import with_query
from dashboard.regions import pages
from dashboard.rhythm import RHYTHM
from probes.models import Region
from probes.policy.intervals import Interval
from probes.policy.rollup import HOUR, Rolled, floor, total
from probes.selectors import region_pages, visible
from probes.selectors import regions as rows
from probes.selectors.durations import durations
from probes.selectors.sums import Source, buckets

SEEN_WITHIN: Final = timedelta(days=1)


@require_safe
@never_cache
@readers_only
def regions(request: HttpRequest, template: str) -> HttpResponse:
    """Regions that are not retired. Four queries."""
    now = timezone.now()
    reach = reach_of(request)
    listed = list(visible.among(Region.objects.filter(retired_at=None), reach).order_by("slug"))
    ids = [region.pk for region in listed]
    return render(
        request,
        template,
        {
            **RHYTHM,
            "fragment": "dashboard/regions/list_fragment.html",
            "live_url": reverse("dashboard:regions-live"),
            "topics": "regions verdicts",
            "title": "Regions · Kairos",
            "cards": pages.cards(listed, rows.vitals_of(ids), region_pages.failing(listed, reach, now=now), now),
        },
    )


@require_safe
@never_cache
@readers_only
def region(request: HttpRequest, slug: str, template: str) -> HttpResponse:
    """One region, a retired one too. Seventeen queries at most, whatever it checks."""
    now = timezone.now()
    reach = reach_of(request)
    shown = get_object_or_404(visible.among(Region.objects.select_related("managed_by"), reach), slug=slug)
    vitals = rows.vitals_of([shown.pk])[shown.pk]
    card = pages.card(shown, vitals, region_pages.failing([shown], reach, now=now)[shown.pk], now)
    return render(
        request,
        template,
        {
            **RHYTHM,
            "fragment": "dashboard/regions/fragment.html",
            "live_url": reverse("dashboard:region-live", args=[shown.slug]),
            "topics": f"region:{shown.slug} verdicts",
            "title": f"{card.name} · Kairos",
            "card": card,
            "votes": shown.condition.votes,
            "crew": pages.crew(vitals, now),
            "are_more": vitals.are_more,
            "canaries": pages.canaries(vitals.last_round),
            "losses": pages.losses(region_pages.missed(shown, reach, since=now - SEEN_WITHIN), now),
            "dissents": pages.dissents(region_pages.dissents(shown, reach, now=now), now),
            "changes": pages.changes(rows.events(shown)[: region_pages.MOST_EVENTS], now),
            "events_url": with_query(reverse("dashboard:events"), {"region": shown.slug}),
            "incidents_url": with_query(reverse("dashboard:incidents"), {"region": shown.slug}),
            **(_of_everybody(shown, now) if reach.groups is None else {"is_limited": True}),
        },
    )


def _of_everybody(shown: Region, now: datetime) -> dict[str, Any]:
    """Return what is told of all that a region sees, whoever it belongs to, and who it is."""
    end = floor(now, HOUR)
    found = buckets(Source.of_region(), HOUR, Interval(end - SEEN_WITHIN, end), shown.pk)
    rolled: Rolled = total(item for _, item in found)
    seen = durations(Source.of_region(), [shown.pk], Interval(end - SEEN_WITHIN, end), now=now)
    return {
        "day": pages.day(rolled),
        "latency": latency(seen) if rolled.outcomes else None,
        "keys": pages.keys(region_pages.keys(shown), now),
    }
