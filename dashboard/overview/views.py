"""The overview: selector → template. It is served whole, and as the fragment that keeps it current."""

from typing import Final

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard import incident_words
from dashboard.access import reach_of, readers_only
from dashboard.addresses import with_query
from dashboard.overview import matrix
from dashboard.rhythm import RHYTHM
from dashboard.words import Look
from probes.selectors import incidents as incident_rows
from probes.selectors import maintenance, severity
from probes.selectors.health import pulse
from probes.selectors.overview import overview as read_overview
from probes.selectors.severity import Group

ROWS_A_PAGE: Final = 50
OPEN_INCIDENTS: Final = 8

_LONGEST_SEARCH: Final = 200


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
            "fragment": "dashboard/overview/fragment.html",
            "live_url": with_query(reverse("dashboard:overview-live"), page=page.number, **chosen),
            "title": matrix.short_title(tally),
            "headline": matrix.headline(
                tally,
                found.regions,
                is_current=matrix.is_ticking(ticked_at, now),
                has_endpoints=counted.has_endpoints,
            ),
            "problems": matrix.problems(ticked_at, found.regions, now),
            "wrong_now": incident_words.wrong_now(incident_rows.wrong_now(OPEN_INCIDENTS, reach), now),
            "now": now,
            "columns": matrix.columns(found.regions, now),
            "rows": matrix.rows(found, now),
            "tallies": [
                (
                    Look(one),
                    count,
                    with_query(reverse("dashboard:overview"), show=one.value, find=search),
                    one is group,
                )
                for one, count in tally.items()
                if count
            ],
            "total": sum(tally.values()),
            "all_url": with_query(reverse("dashboard:overview"), find=search),
            "group": group,
            "search": search,
            "page": page,
            "previous_url": _turn(page.number - 1, chosen) if page.has_previous() else "",
            "next_url": _turn(page.number + 1, chosen) if page.has_next() else "",
            "looks": [look for look in Look if look is not Look.RETIRED],  # which is not listed here
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
    return with_query(reverse("dashboard:overview"), page=number, **chosen)
