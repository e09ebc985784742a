"""The second half of an image's page (ADR 49): what it was like, what is on the path, and each region's evidence.

The page asks for it as soon as the first half is shown, and keeps it current as it does that.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard import event_words, incident_words, uptime
from dashboard.access import readers_only
from dashboard.addresses import with_query
from dashboard.cells import region_name
from dashboard.charts import phases, ticks
from dashboard.image import courses, detail
from dashboard.image.asked import Asked
from dashboard.image.path import path
from dashboard.image.spread import spread
from dashboard.rhythm import RHYTHM
from probes.models import ALL_REGIONS
from probes.policy.intervals import Interval
from probes.policy.rollup import whole_hours
from probes.policy.uptime import WINDOWS, Figure
from probes.selectors import history, incidents, visible
from probes.selectors import regions as region_rows
from probes.selectors import uptime as rolled
from probes.selectors.credentials import Keyring
from probes.selectors.events import certificates_towards, events_of
from probes.selectors.outcomes import failures_kept_since
from probes.selectors.quota import accounts_of

TEMPLATE: Final = "dashboard/image/more.html"
LAST_INCIDENTS: Final = 5
LAST_ENTRIES: Final = 12

_MISSED_WITHIN: Final = timedelta(days=1)


@require_safe
@never_cache
@readers_only
def more(request: HttpRequest, resource_id: int) -> HttpResponse:
    """The second half, as the fragment that fills its place and keeps it current. Twenty-six queries at most."""
    return render(request, TEMPLATE, shown(Asked.of(request, resource_id, weighs=True)))


def place(asked: Asked) -> Mapping[str, Any]:
    """Return what the place of the second half needs before that is there."""
    return {
        **RHYTHM,
        "more_fragment": "dashboard/image/more_place.html",
        "more_url": with_query(reverse("dashboard:resource-more", args=[asked.resource.pk]), **asked.window.query),
        "resource_id": asked.resource.pk,
    }


def shown(asked: Asked) -> Mapping[str, Any]:
    """Return the second half."""
    chosen, cells, views, reach, now = asked.resource, asked.cells, asked.views, asked.reach, asked.now
    kept_since = now - timedelta(days=settings.KAIROS_RETENTION_DAYS)
    past = history.latest(chosen, [item.region.pk for item in cells], count=ticks.STRIP_CELLS, since=kept_since)
    missed = history.gaps(chosen, since=now - _MISSED_WITHIN)
    happened = list(visible.among(events_of(chosen), reach)[: event_words.MOST + 1])
    last = incidents.of_resource(chosen, LAST_INCIDENTS)
    told = incidents.timeline(last[0], LAST_ENTRIES, reach) if last else None
    until = rolled.both_rolled_until()
    is_counted = reach.is_everything and not chosen.is_endpoint
    return {
        **place(asked),
        "more_fragment": TEMPLATE,
        "is_endpoint": chosen.is_endpoint,
        "window": asked.window,
        "cards": detail.cards(chosen, cells, past, missed, region_rows.vitals(asked.regions), now=now),
        "spread": spread(chosen, cells, views, happened, now),
        "path": path(
            views,
            certificates_towards(chosen.registry_id, reach),
            # Whom a registry counts us as is nothing of any one group's.
            accounts_of(chosen.registry_id, now=now) if is_counted else (),
            _logins(asked) if is_counted else {},
            now,
        ),
        "now": now,
        "story": incident_words.story(
            last[0],
            told,
            (),
            now,
            kept_since=failures_kept_since(now),
            names={region.slug: region_name(region) for region in asked.regions},
        )
        if told
        else None,
        "earlier": incident_words.lines(last[1:], now),
        "events": event_words.events(happened, now),
        "uptime": _uptime(asked, until),
        "lanes": courses.timelines_of(
            chosen, asked.regions, asked.window, terms=asked.terms, planned=asked.planned, now=now
        ),
        "latency": courses.latency_of(chosen, asked.regions, asked.window, now=now, until=until),
        "phases": phases.phase_legend(),
    }


def _logins(asked: Asked) -> Mapping[str, int | None]:
    """Return by region the id of the login that a check from there shows, None where it shows none. One query."""
    keyring = Keyring([asked.resource.registry_id], opens=False)
    shown = {region.slug: keyring.shown(asked.resource, region.slug) for region in asked.regions}
    return {slug: login.pk if login else None for slug, login in shown.items()}


def _uptime(asked: Asked, until: rolled.RolledUntil) -> uptime.Uptime:
    resource, regions, now = asked.resource, asked.regions, asked.now
    overs = {name: whole_hours(Interval(now - span, now), now=now) for name, span in WINDOWS.items()}
    sums = rolled.rolled_each(
        resource, list(overs.values()), [None, *regions], timed=False, terms=asked.terms, until=until
    )
    found = dict(zip(overs, sums, strict=True))
    target = asked.terms.uptime_target_percent
    return uptime.uptime(
        {name: Figure(seconds=each[ALL_REGIONS].seconds, target_percent=target) for name, each in found.items()},
        [
            (region.slug, region_name(region), {name: each[region.pk].seconds for name, each in found.items()})
            for region in regions
        ],
        before={name: int((resource.created_at - over.start).total_seconds()) for name, over in overs.items()},
        unattended="retired or paused" if resource.is_retired else "paused",
    )
