"""The page of an image or an endpoint, in two halves (ADR 49). Here is the first, and the page that holds both.

The first has what somebody needs at once: how it is, what of a pull is broken from where, who has to act, since when.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard import incident_words
from dashboard.access import readers_only
from dashboard.addresses import with_query
from dashboard.charts import phases
from dashboard.image import courses, detail, ladder, markup, more_views
from dashboard.image.asked import WHOLE, Asked, whole
from dashboard.image.check_views import may_check
from dashboard.image.commands import commands
from dashboard.image.kept import Kept, given, named
from dashboard.image.run import Progress, progress
from dashboard.image.sentence import of_verdict
from dashboard.rhythm import RHYTHM
from dashboard.words import Look
from probes.models import Resource, Verdict
from probes.policy.liveness import RegionCondition
from probes.protocol.taxonomy import Depth
from probes.selectors import incidents, maintenance
from probes.selectors.outcomes import kept
from probes.selectors.runs import checks_of

_WRONG: Final = frozenset({Look.UNAVAILABLE, Look.DEGRADED, Look.UNKNOWN})


@require_safe
@never_cache
@readers_only
def resource(request: HttpRequest, resource_id: int) -> HttpResponse:
    """The page: its first half, and a place for the second; with `whole=1` that too.

    The first half takes twelve queries at most besides the two of the session.
    """
    is_whole = bool(whole(request))
    asked = Asked.of(request, resource_id, weighs=is_whole)
    more = more_views.shown(asked) if is_whole else more_views.place(asked)
    return render(request, "dashboard/image/page.html", {**more, **_shown(request, asked)})


@require_safe
@never_cache
@readers_only
def live(request: HttpRequest, resource_id: int) -> HttpResponse:
    """The first half, which keeps it current. As many queries as the page."""
    asked = Asked.of(request, resource_id, weighs=False)
    return render(request, "dashboard/image/fragment.html", _shown(request, asked))


def _shown(request: HttpRequest, asked: Asked) -> Mapping[str, Any]:
    chosen, now = asked.resource, asked.now
    work = maintenance.shown_over([chosen], maintenance.still_on(asked.planned, now)).get(chosen.pk)
    shown = detail.page(chosen, work=work, now=now)
    outcomes = {view.slug: view.outcome for view in asked.views if view.outcome is not None}
    climbed = ladder.ladder(asked.views, is_endpoint=chosen.is_endpoint, registry=chosen.registry.host, now=now)
    happening = incidents.open_one(chosen)
    past, which = given(request.GET), named(request.GET)
    run = _run(request, chosen, now)
    page_url = reverse("dashboard:resource", args=[chosen.pk])
    return {
        **RHYTHM,
        **({"reload_seconds": 5} if run and run.again_ms else {}),
        "run": run,
        "may_check": may_check(request, chosen),
        "depths": list(Depth),
        "check_from": [
            (view.slug, view.name)
            for item, view in zip(asked.cells, asked.views, strict=True)
            if item.condition is RegionCondition.ACTIVE
        ],
        "commands": commands(chosen, request.build_absolute_uri(f"/api/v1/resources/{chosen.pk}/check")),
        "fragment": "dashboard/image/fragment.html",
        "live_url": with_query(
            reverse("dashboard:resource-live", args=[chosen.pk]), **past, **asked.window.query, **asked.whole
        ),
        "whole_url": with_query(page_url, **past, **asked.window.query, **{WHOLE: "1"}),
        "title": f"{shown.name} · Kairos",
        "page": shown,
        "sentence": of_verdict(_verdict(chosen), outcomes, now) or shown.sentence,
        "owner": climbed.breaks[0].owner if climbed.breaks and shown.look in _WRONG else "",
        "ladder": climbed,
        "ladder_table": markup.table(climbed),
        "now": now,
        "then": Kept.of(kept(chosen, which.region, which.slot), which, now) if which else None,
        "asked": urlencode(past),
        "open_incident": incident_words.line(happening, now) if happening else None,
        "timelines": courses.timelines_of(
            chosen,
            [],
            asked.window,
            terms=asked.terms,
            planned=asked.planned,
            now=now,
            kept={**past, **asked.whole},
        ),
        "whole": asked.whole,
        "phases": phases.phase_legend(),
    }


def _verdict(resource: Resource) -> Verdict | None:
    return getattr(resource, "verdict", None)


def _run(request: HttpRequest, resource: Resource, now: datetime) -> Progress | None:
    """Return the order that somebody watches (`run`), None where nobody does."""
    try:
        asked = UUID(request.GET.get("run", ""))
    except ValueError:
        return None
    return progress(checks_of(resource.pk, asked), now)
