"""The pages: selector → template. Each is served whole, and as the fragment that keeps it current."""

from datetime import timedelta
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

from dashboard import charts, detail, matrix
from dashboard.access import readers_only
from dashboard.words import Look
from probes.models import Resource
from probes.selectors import history, severity
from probes.selectors.health import pulse
from probes.selectors.overview import overview as read_overview
from probes.selectors.regions import vitals_of
from probes.selectors.severity import Group
from probes.selectors.states import cells

ROWS_A_PAGE: Final = 50
# Without JavaScript the whole page is loaded again, which is less pleasant and so less often.
RHYTHM: Final = {"refresh_seconds": 5, "reload_seconds": 20}

_LONGEST_SEARCH: Final = 200
_MISSED_WITHIN: Final = timedelta(days=1)


@require_safe
@never_cache
@readers_only
def overview(request: HttpRequest, template: str) -> HttpResponse:
    """Images by regions, the worst first. Nine queries, whatever it holds."""
    now = timezone.now()
    group = _group(request.GET.get("show", ""))
    search = request.GET.get("find", "").replace("\0", "").strip()[:_LONGEST_SEARCH]
    counted = severity.tally()
    tally = counted.groups
    listed = severity.worst_first(group=group, search=search)
    page = Paginator(listed, ROWS_A_PAGE).get_page(request.GET.get("page"))
    found = read_overview(listed[max(page.start_index() - 1, 0) : page.end_index()])
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
            "looks": list(Look),
        },
    )


@require_safe
@never_cache
@readers_only
def resource(request: HttpRequest, resource_id: int, template: str) -> HttpResponse:
    """One image: what each region last found, and what happened lately. Nine queries."""
    now = timezone.now()
    chosen = get_object_or_404(Resource.objects.select_related("registry", "verdict", "endpoint"), pk=resource_id)
    found = cells(chosen)
    kept = now - timedelta(days=settings.KAIROS_RETENTION_DAYS)
    past = history.latest(chosen, [item.region.pk for item in found], count=charts.STRIP_CELLS, since=kept)
    vitals = vitals_of([item.region.pk for item in found])
    shown = detail.page(chosen, found, past, history.gaps(chosen, since=now - _MISSED_WITHIN), vitals, now=now)
    return render(
        request,
        template,
        {
            **RHYTHM,
            "fragment": "dashboard/_resource.html",
            "live_url": reverse("dashboard:resource-live", args=[chosen.pk]),
            "title": f"{shown.name} · Kairos",
            "page": shown,
            "now": now,
            "phases": charts.phase_legend(),
        },
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
