"""All outcomes of an image or an endpoint that are kept: selector → template."""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard import words
from dashboard.access import reach_of, readers_only
from dashboard.cells import name_of
from dashboard.image.outcomes import lines
from dashboard.narrowing import Asked
from dashboard.subjects import region_of
from dashboard.words import Look
from probes.models import Resource
from probes.protocol.taxonomy import Reason, Status
from probes.selectors import outcome_lists, visible
from probes.selectors.outcome_lists import Wanted

ROWS_A_PAGE: Final = 25
FAILING: Final = "failing"
_STATUSES: Final[dict[str, str]] = {FAILING: "All but available", **{status: Look(status).label for status in Status}}
_REASONS: Final = {reason.value: words.reason(reason) for reason in sorted(Reason, key=words.reason)}


@require_safe
@never_cache
@readers_only
def outcomes(request: HttpRequest, resource_id: int) -> HttpResponse:
    """What checks of one image found, the newest first, with their steps. Four queries at most."""
    reach = reach_of(request)
    joined = visible.among(Resource.objects.select_related("registry", "endpoint"), reach)
    chosen = get_object_or_404(joined, pk=resource_id)
    asked = Asked(reverse("dashboard:resource-outcomes", args=[chosen.pk]), request.GET)
    status = asked.choice("status", "Status", _STATUSES)
    region = region_of(asked, reach)
    reason = asked.choice("reason", "Reason", _REASONS)
    at = asked.times("Due")
    after = asked.place()
    form = asked.form()
    wanted = Wanted(
        resource=chosen,
        region_id=region.pk if region else None,
        status="" if status == FAILING else status,
        is_failing=status == FAILING,
        reason=reason,
        at=at,
    )
    found = None if form.complaints else outcome_lists.listed(wanted, reach, after=after, most=ROWS_A_PAGE)
    return render(
        request,
        "dashboard/image/outcomes.html",
        {
            "title": f"Outcomes: {name_of(chosen)} · Kairos",
            "name": name_of(chosen),
            "resource_id": chosen.pk,
            "now": timezone.now(),
            "form": form,
            "is_narrowed": bool(asked.in_force),
            "lines": lines(found.rows) if found else [],
            "next_url": asked.at(found.last) if found else "",
            "first_url": asked.url(asked.in_force) if after else "",
        },
    )
