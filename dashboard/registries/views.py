"""Registries: selector → template. The list with counts, and of each one all that is known of it."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard import incident_words, side_by_side
from dashboard.access import reach_of, readers_only
from dashboard.cells import region_name
from dashboard.latency import latency
from dashboard.narrowing import Asked, with_query
from dashboard.registries import pages
from dashboard.rhythm import RHYTHM
from probes.models import OwnerKind, Registry
from probes.policy.access import Reach
from probes.policy.intervals import Interval
from probes.policy.rollup import whole_hours
from probes.selectors import comparison, incident_lists, incidents, maintenance, registry_pages
from probes.selectors.durations import durations
from probes.selectors.incident_lists import Wanted
from probes.selectors.registries import UNREAD, with_counts
from probes.selectors.subscriptions import regions_in_service
from probes.selectors.sums import Source

ROWS_A_PAGE: Final = 100
INCIDENTS: Final = 10
SEEN_WITHIN: Final = timedelta(days=1)
COSTS_OF: Final = timedelta(days=7)


@require_safe
@never_cache
@readers_only
def registries(request: HttpRequest, template: str) -> HttpResponse:
    """Registries by host, with how what lies there stands. Four queries."""
    reach = reach_of(request)
    asked = Asked(reverse("dashboard:registries"), request.GET)
    text = asked.text("find", "Find", hint="Host or name")
    page = Paginator(registry_pages.listed(reach, text=text), ROWS_A_PAGE).get_page(request.GET.get("page"))
    rows = list(page)
    turns = {
        name: asked.url({**asked.in_force, "page": str(number)})
        for name, number in (("previous", page.number - 1), ("next", page.number + 1))
        if 1 <= number <= page.paginator.num_pages
    }
    return render(
        request,
        template,
        {
            **RHYTHM,
            "fragment": "dashboard/registries/list_fragment.html",
            "live_url": with_query(
                reverse("dashboard:registries-live"), {**asked.in_force, "page": str(page.number)}
            ),
            "topics": "verdicts incidents",
            "title": "Registries · Kairos",
            "form": asked.form(),
            "lines": pages.lines(rows, registry_pages.standings([row.pk for row in rows], reach)),
            "page": page,
            "turns": turns,
        },
    )


@require_safe
@never_cache
@readers_only
def registry(request: HttpRequest, host: str, template: str) -> HttpResponse:
    """One registry. Twenty-four queries at most, whatever lies there."""
    now = timezone.now()
    reach = reach_of(request)
    if "\0" in host:  # which the database would not take
        raise Http404
    shown = get_object_or_404(with_counts(reach).defer(*UNREAD), host=host)
    found = registry_pages.images(shown, reach)
    work = maintenance.shown_over(found, maintenance.on(now))
    are_over = incident_lists.listed(Wanted(registry_id=shown.pk, is_open=False), reach, most=INCIDENTS)
    return render(
        request,
        template,
        {
            **RHYTHM,
            "fragment": "dashboard/registries/fragment.html",
            "live_url": reverse("dashboard:registry-live", args=[shown.host]),
            "topics": f"registry:{shown.host} verdicts incidents",
            "title": f"{shown.host} · Kairos",
            "registry": pages.lines([shown], registry_pages.standings([shown.pk], reach))[0],
            "facts": pages.facts(shown),
            "images": pages.images(found, work, now),
            "images_url": with_query(reverse("dashboard:overview"), {"registry": shown.host}),
            "incidents_url": with_query(reverse("dashboard:incidents"), {"registry": shown.host}),
            "compare_url": with_query(reverse("dashboard:compare"), {"registry": shown.host}),
            "events_url": with_query(reverse("dashboard:events"), {"registry": shown.host}),
            "wrong_now": incident_words.wrong_now(incidents.wrong_at(shown.pk, INCIDENTS, reach), now),
            "over": incident_words.lines(are_over.rows, now),
            "certificates": pages.certificates(registry_pages.certificates(shown, reach), now),
            "logins": pages.logins(registry_pages.credentials(shown, reach), now),
            **(_of_everybody(shown, reach, now) if reach.groups is None else {"is_limited": True}),
        },
    )


def _of_everybody(shown: Registry, reach: Reach, now: datetime) -> dict[str, Any]:
    """Return what is told of all that lies at a registry, whoever it belongs to."""
    regions = [region for region in regions_in_service() if reach.holds_region(region.pk)]
    over = whole_hours(Interval(now - SEEN_WITHIN, now), now=now)
    seen = comparison.of_owner(OwnerKind.REGISTRY, shown.pk, over, regions, now=now)
    source, ids = Source.of_owner(OwnerKind.REGISTRY, shown.pk), [region.pk for region in regions]
    return {
        "seen": side_by_side.table(seen, now),
        "latency": latency(
            durations(source, ids, over, now=now), {region.pk: region_name(region) for region in regions}
        ),
        "accounts": pages.accounts(registry_pages.ledger(shown, (now - COSTS_OF).date(), now=now), now),
    }
