"""The page of an image or an endpoint: selector → template, whole and as the fragment that keeps it current."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard import event_words, incident_words, uptime
from dashboard.access import reach_of, readers_only
from dashboard.addresses import with_query
from dashboard.cells import region_name
from dashboard.charts import phases, ticks
from dashboard.image import courses, detail, ladder
from dashboard.image.check_views import may_check
from dashboard.image.commands import commands
from dashboard.image.kept import Kept, given, named
from dashboard.image.path import path
from dashboard.image.run import Progress, progress
from dashboard.image.sentence import of_verdict
from dashboard.image.spread import spread
from dashboard.rhythm import RHYTHM
from dashboard.words import Look
from probes.models import ALL_REGIONS, Region, Resource, Verdict
from probes.policy.intervals import Interval
from probes.policy.rollup import whole_hours
from probes.policy.terms import Terms
from probes.policy.uptime import WINDOWS, Figure
from probes.protocol.taxonomy import Depth
from probes.selectors import history, maintenance, visible
from probes.selectors import incidents as incident_rows
from probes.selectors.events import certificates_towards, events_of
from probes.selectors.outcomes import failures_kept_since, kept
from probes.selectors.quota import accounts_of
from probes.selectors.regions import vitals_of
from probes.selectors.runs import checks_of
from probes.selectors.states import cells
from probes.selectors.terms import in_force
from probes.selectors.uptime import rolled_each

LAST_INCIDENTS: Final = 5
LAST_ENTRIES: Final = 12

_SHOWN_WITH: Final = ("registry", "verdict", "endpoint", "group", "managed_by")
_MISSED_WITHIN: Final = timedelta(days=1)
_WRONG: Final = frozenset({Look.UNAVAILABLE, Look.DEGRADED, Look.UNKNOWN})


@require_safe
@never_cache
@readers_only
def resource(request: HttpRequest, resource_id: int, template: str) -> HttpResponse:
    """One image: its verdict, incidents, events and uptime, and what each region last found.

    Twenty-five queries at most, and one more where an outcome of the past is asked for (`from` and `slot`).
    """
    now = timezone.now()
    reach = reach_of(request)
    joined = visible.among(Resource.objects.select_related(*_SHOWN_WITH), reach)
    chosen = get_object_or_404(joined, pk=resource_id)
    terms = in_force(chosen).terms
    found = [cell for cell in cells(chosen, terms) if reach.holds_region(cell.region.pk)]
    kept_since = now - timedelta(days=settings.KAIROS_RETENTION_DAYS)
    past = history.latest(chosen, [item.region.pk for item in found], count=ticks.STRIP_CELLS, since=kept_since)
    vitals = vitals_of([item.region.pk for item in found])
    missed = history.gaps(chosen, since=now - _MISSED_WITHIN)
    work = maintenance.shown_over([chosen], maintenance.on(now)).get(chosen.pk)
    shown = detail.page(chosen, found, past, missed, vitals, work=work, now=now)
    views = [
        ladder.view_of(cell, slug=card.slug, name=card.name, face=card.face)
        for cell, card in zip(found, shown.cards, strict=True)
    ]
    outcomes = {view.slug: view.outcome for view in views if view.outcome is not None}
    climbed = ladder.ladder(views, is_endpoint=chosen.is_endpoint, registry=chosen.registry.host, now=now)
    happened = list(visible.among(events_of(chosen), reach)[: event_words.MOST + 1])
    last = incident_rows.of_resource(chosen, LAST_INCIDENTS)
    told = incident_rows.timeline(last[0], LAST_ENTRIES, reach) if last else None
    window = courses.window(request.GET, now)
    asked, which = given(request.GET), named(request.GET)
    run = _run(request, chosen, now)
    return render(
        request,
        template,
        {
            **RHYTHM,
            **({"reload_seconds": 5} if run and run.again_ms else {}),
            "run": run,
            "may_check": may_check(request, chosen),
            "depths": list(Depth),
            "check_from": [(card.slug, card.name) for card in shown.cards if not card.condition],
            "commands": commands(chosen, request.build_absolute_uri(f"/api/v1/resources/{chosen.pk}/check")),
            "fragment": "dashboard/image/fragment.html",
            "live_url": with_query(reverse("dashboard:resource-live", args=[chosen.pk]), **asked, **window.query),
            "title": f"{shown.name} · Kairos",
            "page": shown,
            "sentence": of_verdict(_verdict(chosen), outcomes, now) or shown.sentence,
            "owner": climbed.breaks[0].owner if climbed.breaks and shown.look in _WRONG else "",
            "ladder": climbed,
            "spread": spread(chosen, found, views, happened, now),
            "path": path(
                chosen,
                views,
                certificates_towards(chosen.registry_id, reach),
                # Whom a registry counts us as is nothing of any one group's.
                accounts_of(chosen.registry_id, now=now) if reach.is_everything and not chosen.is_endpoint else (),
                now,
            ),
            "now": now,
            "then": Kept.of(kept(chosen, which.region, which.slot), which, now) if which else None,
            "asked": urlencode(asked),
            "story": incident_words.story(last[0], told, (), now, kept_since=failures_kept_since(now))
            if told
            else None,
            "earlier": incident_words.lines(last[1:], now),
            "events": event_words.events(happened, now),
            "uptime": _uptime(chosen, terms, [item.region for item in found], now),
            "timelines": courses.timelines_of(
                chosen, [item.region for item in found], window, terms=terms, kept=asked, now=now
            ),
            "latency": courses.latency_of(chosen, [item.region for item in found], window, now=now),
            "phases": phases.phase_legend(),
        },
    )


def _verdict(resource: Resource) -> Verdict | None:
    return getattr(resource, "verdict", None)


def _run(request: HttpRequest, resource: Resource, now: datetime) -> Progress | None:
    """Return the order that somebody watches (`run`), None where nobody does."""
    try:
        asked = UUID(request.GET.get("run", ""))
    except ValueError:
        return None
    return progress(checks_of(resource.pk, asked), now)


def _uptime(resource: Resource, terms: Terms, regions: Sequence[Region], now: datetime) -> uptime.Uptime:
    overs = {name: whole_hours(Interval(now - span, now), now=now) for name, span in WINDOWS.items()}
    rolled = rolled_each(resource, list(overs.values()), [None, *regions], timed=False, terms=terms)
    found = dict(zip(overs, rolled, strict=True))
    target = terms.uptime_target_percent
    return uptime.uptime(
        {name: Figure(seconds=each[ALL_REGIONS].seconds, target_percent=target) for name, each in found.items()},
        [
            (region.slug, region_name(region), {name: each[region.pk].seconds for name, each in found.items()})
            for region in regions
        ],
        unattended="retired or paused" if resource.is_retired else "paused",
    )
