"""Checks ordered over the API, each as a run."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.http import HttpResponseBase
from django.utils import timezone
from kombu.exceptions import OperationalError
from rest_framework.exceptions import Throttled, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from api import idempotency
from api.access import reach_of
from api.enrolment import Unequipped
from api.errors import Refusal
from api.serializers.run import RunInFullSerializer
from probes.actions import probing, runs
from probes.models import AccessToken, Credential, Region, Run
from probes.policy.access import Reach, Role
from probes.protocol.taxonomy import Depth
from probes.selectors import visible
from probes.selectors.runs import in_full, tallies
from probes.tasks import publish_on_commit
from probes.trust.keys import KeyFileError


class Undelivered(Refusal):
    """The order could not be handed to the broker. Nothing was checked; ask again."""

    default_detail = "The broker does not answer: the check was not sent."
    default_code = "undelivered"


def once(request: Request, order: Callable[[], Response]) -> HttpResponseBase:
    """Order something and answer, unless it was under the request's `Idempotency-Key`; then answer as before.

    What was stored but could not be sent is not kept as done: asked again, it is sent anew. Raises `Undelivered`
    without a broker, `Unequipped` without the key to sign with, and whatever `order` and `idempotency.once` do.
    """
    try:
        return idempotency.once(request, order)
    except OperationalError:
        idempotency.forget(request)
        raise Undelivered from None
    except KeyFileError as error:
        raise Unequipped(str(error)) from None


def check(
    resource_ids: Iterable[int], request: Request, *, regions: Sequence[str] | None, depth: str | None
) -> runs.Ordered:
    """Send one check of each resource.

    Raises `ValidationError`, Django's or DRF's, for a region that is not active or not within reach. Within `once`.
    """
    asked, near = Depth(depth) if depth else None, _within(regions, reach_of(request))
    return _sent(
        runs.check(resource_ids, near, depth=asked, by=request.user, token=token_of(request), now=timezone.now())
    )


def probe(asked: dict[str, Any], request: Request) -> runs.Ordered:
    """Send one check of something that is not stored. `asked` is what `ProbeSerializer` took.

    Raises `ValidationError`, Django's or DRF's, by field, and `Throttled`. Within `once`.
    """
    wanted = probing.Wanted(
        reference=asked["reference"],
        regions=_within(asked["regions"], reach_of(request)) or (),
        platforms=asked["platforms"],
        depth=Depth(asked["depth"]),
        credential=_credential(asked["credential"], reach_of(request, Role.EDITOR)),
    )
    try:
        return _sent(probing.probe(wanted, by=request.user, token=token_of(request), now=timezone.now()))
    except probing.Crowded as crowded:
        raise Throttled(wait=probing.CROWDED_RETRY_SECONDS, detail=str(crowded)) from None


def shown(
    run: Run, request: Request, *, serializer: type[RunInFullSerializer] = RunInFullSerializer, **context: Any
) -> Response:
    """Return a run in full, with when to look again."""
    now = timezone.now()
    (row,) = in_full(Run.objects.filter(pk=run.pk).select_related("asked_by"))
    told = serializer(
        row, context={"request": request, "now": now, "tallies": tallies([row], now=now), **context}
    ).data
    response = Response(told)
    if told["poll_after_seconds"] is not None:
        response["Retry-After"] = str(told["poll_after_seconds"])
    return response


def accepted(ordered: runs.Ordered, request: Request, **shown_as: Any) -> Response:
    """Answer that something was ordered, and where to see what becomes of it."""
    response = shown(ordered.run, request, **shown_as)
    response.status_code = 202
    response["Location"] = response.data["url"]
    return response


def _sent(ordered: runs.Ordered) -> runs.Ordered:
    publish_on_commit(ordered.messages)
    return ordered


def token_of(request: Request) -> AccessToken | None:
    """Return the token that a request was sent with, if any."""
    return request.auth if isinstance(request.auth, AccessToken) else None


def _within(asked: Sequence[str] | None, reach: Reach) -> Sequence[str] | None:
    """Return the regions that are asked for, of those within reach. Raises `ValidationError` for any other."""
    if reach.regions is None:
        return asked
    near = set(visible.among(Region.objects.active(), reach).values_list("slug", flat=True))
    if beyond := sorted(set(asked or ()) - near):
        raise ValidationError({"regions": [f"No active region: {', '.join(beyond)}."]})
    return sorted(near) if asked is None else asked


def _credential(slug: str | None, reach: Reach) -> Credential | None:
    """Return a stored credential that somebody may have shown: whoever may edit what it was given to."""
    if slug is None:
        return None
    found = visible.among(Credential.objects.select_related("registry", "region"), reach).filter(slug=slug).first()
    if found is None:
        raise ValidationError({"credential": [f"There is none called {slug} that you may have shown."]})
    return found
