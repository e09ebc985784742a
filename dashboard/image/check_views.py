"""Checking now, from the page of an image: an order, and how far it is."""

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from kombu.exceptions import OperationalError

from dashboard.access import access_in, reach_of, readers_only
from dashboard.addresses import with_query
from dashboard.image.run import progress
from probes.actions import runs
from probes.models import Resource
from probes.policy.access import Role
from probes.protocol.taxonomy import Depth
from probes.selectors import visible
from probes.selectors.access import is_given
from probes.selectors.runs import checks_of
from probes.tasks import publish_on_commit
from probes.trust.keys import KeyFileError

MAY_CHECK: Final = "probes.change_resource"
_MOST_REGIONS: Final = 200


@require_POST
@never_cache
def check(request: HttpRequest, resource_id: int) -> HttpResponseBase:
    """Order a check of a resource from the chosen regions (all, if none is), and come back to see it."""
    page = reverse("dashboard:resource", args=[resource_id])
    if not request.user.is_authenticated:
        return redirect_to_login(page)
    chosen = get_object_or_404(visible.among(Resource.objects.all(), reach_of(request)), pk=resource_id)
    if not may_check(request, chosen):
        raise PermissionDenied
    asked = request.POST.get("depth", "")
    regions = [slug.replace("\0", "") for slug in request.POST.getlist("regions")[:_MOST_REGIONS]]
    try:
        with transaction.atomic():
            ordered = runs.check(
                [chosen.pk],
                regions or None,
                depth=Depth(asked) if asked in set(Depth) else None,
                by=request.user,
                now=timezone.now(),
            )
            publish_on_commit(ordered.messages)
    except ValidationError as error:
        refused = " ".join(error.messages)
    except OperationalError:
        refused = "The broker does not answer. Try again."
    except KeyFileError as error:
        refused = str(error)
    else:
        return HttpResponseRedirect(f"{with_query(page, run=ordered.run.uuid)}#run")
    messages.error(request, f"Nothing was checked. {refused}")
    return HttpResponseRedirect(page)


@require_safe
@never_cache
@readers_only
def run(request: HttpRequest, resource_id: int, run: UUID) -> HttpResponse:
    """Tell how far an order is, as the part of the page that shows it. Three queries at most."""
    chosen = get_object_or_404(visible.among(Resource.objects.only("pk"), reach_of(request)), pk=resource_id)
    found = progress(checks_of(chosen.pk, run), timezone.now())
    if found is None:
        raise Http404
    return render(request, "dashboard/image/run.html", {"run": found, "resource_id": chosen.pk})


def may_check(request: HttpRequest, resource: Resource) -> bool:
    """Tell whether somebody is an operator of it, or may change all. Two queries at most, none for a stranger."""
    user: Any = request.user
    if not user.is_authenticated:
        return False
    return visible.is_within(resource, access_in(request).reach(Role.OPERATOR)) or is_given(user, MAY_CHECK)
