"""The pages: selector → template. Each is served whole, and as the fragment that keeps it current."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard import charts, detail, events, incidents, matrix, uptime
from dashboard.access import reach_of, readers_only
from dashboard.cells import region_name
from dashboard.kept import Kept
from dashboard.words import Look
from probes.models import ALL_REGIONS, Region, Resource
from probes.policy.intervals import Interval
from probes.policy.rollup import whole_hours
from probes.policy.terms import Terms
from probes.policy.uptime import WINDOWS, Figure
from probes.selectors import history, maintenance, severity, visible
from probes.selectors import incidents as incident_rows
from probes.selectors.events import events_of
from probes.selectors.health import pulse
from probes.selectors.outcomes import failures_kept_since, kept
from probes.selectors.overview import overview as read_overview
from probes.selectors.regions import vitals_of
from probes.selectors.severity import Group
from probes.selectors.states import cells
from probes.selectors.terms import in_force
from probes.selectors.uptime import rolled_each

ROWS_A_PAGE: Final = 50
OPEN_INCIDENTS: Final = 8
LAST_INCIDENTS: Final = 5
LAST_ENTRIES: Final = 12
# Without JavaScript the whole page is loaded again, which is less pleasant and so less often.
RHYTHM: Final = {"refresh_seconds": 5, "reload_seconds": 20}

_SHOWN_WITH: Final = ("registry", "verdict", "endpoint", "group", "managed_by")
_LONGEST_SEARCH: Final = 200
_MISSED_WITHIN: Final = timedelta(days=1)


@require_safe
@never_cache
@readers_only
def overview(request: HttpRequest, template: str) -> HttpResponse:
    """What is wrong now, and images by regions, the worst first. Eleven queries, and twelve for a search."""
    now = timezone.now()
    group = _group(request.GET.get("show", ""))
    search = request.GET.get("find", "").replace("\0", "").strip()[:_LONGEST_SEARCH]
    work = maintenance.on(now)
    reach = reach_of(request)
    counted = severity.tally(work, reach)
    tally = counted.groups
    listed = severity.worst_first(group=group, search=search, work=work, reach=reach)
    pages = Paginator(listed, ROWS_A_PAGE)
    if not search:
        pages.count = tally[group] if group else sum(tally.values())  # all have been counted, and each took a look
    page = pages.get_page(request.GET.get("page"))
    found = read_overview(listed[max(page.start_index() - 1, 0) : page.end_index()], work=work)
    ticked_at = pulse().ticked_at
    chosen = {"show": group.value if group else "", "find": search}
    return render(
        request,
        template,
        {
            **RHYTHM,
            "fragment": "dashboard/_overview.html",
            "live_url": _with(reverse("dashboard:overview-live"), page=page.number, **chosen),
            "title": matrix.short_title(tally),
            "headline": matrix.headline(
                tally,
                found.regions,
                is_current=matrix.is_ticking(ticked_at, now),
                has_endpoints=counted.has_endpoints,
            ),
            "problems": matrix.problems(ticked_at, found.regions, now),
            "wrong_now": incidents.wrong_now(incident_rows.wrong_now(OPEN_INCIDENTS, reach), now),
            "now": now,
            "columns": matrix.columns(found.regions, now),
            "rows": matrix.rows(found, now),
            "tallies": [
                (Look(one), count, _with(reverse("dashboard:overview"), show=one.value, find=search), one is group)
                for one, count in tally.items()
                if count
            ],
            "total": sum(tally.values()),
            "all_url": _with(reverse("dashboard:overview"), find=search),
            "group": group,
            "search": search,
            "page": page,
            "previous_url": _turn(page.number - 1, chosen) if page.has_previous() else "",
            "next_url": _turn(page.number + 1, chosen) if page.has_next() else "",
            "looks": [look for look in Look if look is not Look.RETIRED],  # which is not listed here
        },
    )


@require_safe
@never_cache
@readers_only
def resource(request: HttpRequest, resource_id: int, template: str) -> HttpResponse:
    """One image: its verdict, incidents, events and uptime, and what each region last found.

    Twenty-two queries at most, and one more where an outcome of the past is asked for (`from` and `slot`).
    """
    now = timezone.now()
    reach = reach_of(request)
    joined = visible.among(Resource.objects.select_related(*_SHOWN_WITH), reach)
    chosen = get_object_or_404(joined, pk=resource_id)
    terms = in_force(chosen).terms
    found = cells(chosen, terms)
    kept = now - timedelta(days=settings.KAIROS_RETENTION_DAYS)
    past = history.latest(chosen, [item.region.pk for item in found], count=charts.STRIP_CELLS, since=kept)
    vitals = vitals_of([item.region.pk for item in found])
    missed = history.gaps(chosen, since=now - _MISSED_WITHIN)
    work = maintenance.shown_over([chosen], maintenance.on(now)).get(chosen.pk)
    shown = detail.page(chosen, found, past, missed, vitals, work=work, now=now)
    last = incident_rows.of_resource(chosen, LAST_INCIDENTS)
    told = incident_rows.timeline(last[0], LAST_ENTRIES, reach) if last else None
    asked = {name: request.GET.get(name, "").replace("\0", "")[:_LONGEST_SEARCH] for name in ("from", "slot")}
    return render(
        request,
        template,
        {
            **RHYTHM,
            "fragment": "dashboard/_resource.html",
            "live_url": _with(reverse("dashboard:resource-live", args=[chosen.pk]), **asked),
            "title": f"{shown.name} · Kairos",
            "page": shown,
            "now": now,
            "then": _then(chosen, asked, now),
            "story": incidents.story(last[0], told, (), now, kept_since=failures_kept_since(now)) if told else None,
            "earlier": incidents.lines(last[1:], now),
            "events": events.events(list(visible.among(events_of(chosen), reach)[: events.MOST + 1]), now),
            "uptime": _uptime(chosen, terms, [item.region for item in found], now),
            "phases": charts.phase_legend(),
        },
    )


def _then(resource: Resource, asked: Mapping[str, str], now: datetime) -> Kept | None:
    """Return the outcome of the past that is asked for, None where none is."""
    try:
        given = datetime.fromisoformat(asked["slot"])
        slot = given.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if not asked["from"] or given.tzinfo is None:
        return None
    return Kept.of(kept(resource, asked["from"], slot), region=asked["from"], slot=slot, now=now)


def _uptime(resource: Resource, terms: Terms, regions: Sequence[Region], now: datetime) -> uptime.Uptime:
    overs = {name: whole_hours(Interval(now - span, now), now=now) for name, span in WINDOWS.items()}
    found = dict(zip(overs, rolled_each(resource, list(overs.values()), [None, *regions]), strict=True))
    target = terms.uptime_target_percent
    return uptime.uptime(
        {name: Figure(seconds=each[ALL_REGIONS].seconds, target_percent=target) for name, each in found.items()},
        [
            (region.slug, region_name(region), {name: each[region.pk].seconds for name, each in found.items()})
            for region in regions
        ],
        unattended="retired or paused" if resource.is_retired else "paused",
    )


def _group(text: str) -> Group | None:
    if not text:
        return None
    try:
        return Group(text)
    except ValueError:
        raise Http404(f"{text[:40]!r} is no group of images") from None


def _turn(number: int, chosen: dict[str, str]) -> str:
    return _with(reverse("dashboard:overview"), page=number, **chosen)


def _with(url: str, **query: Any) -> str:
    """Return the URL with what of the query says something."""
    said = {name: value for name, value in query.items() if value and (name, value) != ("page", 1)}
    return f"{url}?{urlencode(said)}" if said else url
