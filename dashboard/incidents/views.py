"""The page of an incident, and what people note on it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dashboard import incident_words
from dashboard.access import reach_of, readers_only
from dashboard.cells import region_name
from dashboard.incidents import lanes
from dashboard.incidents.lanes import Lanes
from dashboard.rhythm import RHYTHM
from probes.actions import incidents as actions
from probes.models import Incident, Region
from probes.policy.access import Reach, Role
from probes.selectors import bars, visible
from probes.selectors import incidents as rows
from probes.selectors.access import access_of, direct_permissions
from probes.selectors.outcomes import failures_kept_since
from probes.selectors.subscriptions import regions_of

MOST_CHILDREN: Final = 50
MAY_NOTE: Final = "probes.change_incident"


@require_safe
@never_cache
@readers_only
def incident(request: HttpRequest, incident_id: int, template: str) -> HttpResponse:
    """One incident, from its beginning on. Nine queries at most."""
    now = timezone.now()
    reach = reach_of(request)
    found = get_object_or_404(rows.incidents(reach), pk=incident_id)
    chosen = rows.veiled(found, reach)
    children = rows.children(chosen, MOST_CHILDREN, reach) if chosen.scope_kind else ()
    regions = _regions(chosen, reach)
    story = incident_words.story(
        chosen,
        rows.timeline(chosen, reach=reach),
        children,
        now,
        kept_since=failures_kept_since(now),
        names={region.slug: region_name(region) for region in regions},
    )
    return render(
        request,
        template,
        {
            **RHYTHM,
            "fragment": "dashboard/incidents/incident_fragment.html",
            "live_url": reverse("dashboard:incident-live", args=[chosen.pk]),
            "title": f"{story.line.label}: {story.line.name} · Kairos",
            "story": story,
            "seen": _seen(chosen, regions, now),
            "topics": f"incident:{chosen.pk}",
            "now": now,
            "may_note": _may_note(request, found),
            "longest": actions.LONGEST_COMMENT,
        },
    )


def _regions(incident: Incident, reach: Reach) -> Sequence[Region]:
    """Return the regions within reach from which its resource is checked; none of one of a scope."""
    if incident.resource is None:
        return []
    checked_from = regions_of([incident.resource.pk])[incident.resource.pk]
    return [region for region in checked_from if reach.holds_region(region.pk)]


def _seen(incident: Incident, regions: Sequence[Region], now: datetime) -> Lanes | None:
    """Return what these regions saw of its resource meanwhile; None of one of a scope."""
    if incident.resource is None:
        return None
    over = lanes.around(incident, now)
    return lanes.lanes(regions, bars.lanes(incident.resource, regions, over, now=now))


@require_POST
@never_cache
def note(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Acknowledge or comment, as a button of the page says, and come back to it."""
    page = reverse("dashboard:incident", args=[incident_id])
    if not request.user.is_authenticated:
        return redirect_to_login(page)
    chosen = get_object_or_404(rows.incidents(reach_of(request)), pk=incident_id)
    if not _may_note(request, chosen):
        raise PermissionDenied
    user: Any = request.user
    now = timezone.now()
    text = request.POST.get("text", "").replace("\0", "").strip()[: actions.LONGEST_COMMENT]
    if request.POST.get("order") == "acknowledge":
        done = actions.acknowledge(chosen.pk, by=user, now=now)
        messages.info(request, "Noted: you are at it." if done else "It is over, or somebody is at it already.")
    elif not text:
        messages.info(request, "Write something first.")
    if text:
        actions.comment(chosen.pk, text, by=user, now=now)
    return HttpResponseRedirect(page)


def _may_note(request: HttpRequest, incident: Incident) -> bool:
    """Tell whether somebody is an operator of what it is about, or has the permission over all."""
    user: Any = request.user
    if MAY_NOTE in direct_permissions(user):
        return True
    return visible.is_within(incident, access_of(user).reach(Role.OPERATOR))
