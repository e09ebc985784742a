"""Events of everything that is checked: selector → template."""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.access import reach_of, readers_only
from dashboard.events.entries import KINDS, entries
from dashboard.narrowing import Asked, labelled, with_query
from dashboard.rhythm import RHYTHM
from dashboard.subjects import region_of, registry_of, resource_of
from probes.policy.terms import Severity
from probes.selectors import event_lists
from probes.selectors.event_lists import Wanted

ROWS_A_PAGE: Final = 50


@require_safe
@never_cache
@readers_only
def events(request: HttpRequest, template: str) -> HttpResponse:
    """Events, the newest first. Four queries, and three more for an image and names that are not offered."""
    now = timezone.now()
    reach = reach_of(request)
    asked = Asked(reverse("dashboard:events"), request.GET)
    text = asked.text("find", "Find", hint="Words of an image's name")
    kind = asked.choice("kind", "Kind", KINDS)
    severity = asked.choice("severity", "Severity", labelled(Severity))
    registry = registry_of(asked, reach)
    region = region_of(asked, reach)
    resource = resource_of(asked, reach)
    at = asked.times("Happened")
    after = asked.place()
    form = asked.form()
    wanted = Wanted(
        kind=kind,
        severity=severity,
        resource=resource,
        registry_id=registry.pk if registry else None,
        region=region.slug if region else "",
        text=text,
        at=at,
    )
    found = None if form.complaints else event_lists.listed(wanted, reach, after=after, most=ROWS_A_PAGE)
    return render(
        request,
        template,
        {
            **RHYTHM,
            "fragment": "dashboard/events/fragment.html",
            "live_url": with_query(reverse("dashboard:events-live"), {**asked.in_force, "after": str(after or "")}),
            "topics": "events",
            "title": "Events · Kairos",
            "form": form,
            "entries": entries(found.rows, now) if found else [],
            "next_url": asked.at(found.last) if found else "",
            "first_url": asked.url(asked.in_force) if after else "",
        },
    )
