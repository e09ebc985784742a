"""The stream of events that an open page listens to."""

import random
from typing import Any, Final, Self

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from dashboard.access import reach_of
from dashboard.live import hub as hubs
from dashboard.live.handover import OFFER, Handover
from dashboard.live.hub import Hub, Outlet
from dashboard.live.known import KNOWN
from dashboard.live.subscriptions import Subscription

_KNOWN_SHARE: Final = 1 / 11
_PLAIN = "text/plain; charset=utf-8"


@require_GET
@never_cache
def events(request: HttpRequest) -> HttpResponseBase:
    """Tell which of the `topics` change, from `since` on, for a minute at most; then the page comes again.

    401 for whoever may not read pages, 400 for topics that are none, and 503 where there is no stream to be had: the
    page polls.
    """
    # With the time that a stream lives this is a minute at most.
    KNOWN.recall(request, settings.KAIROS_LIVE_STREAM_SECONDS * _KNOWN_SHARE)
    user: Any = request.user
    if not (settings.KAIROS_PUBLIC_DASHBOARD or user.is_authenticated):
        return HttpResponse("Sign in first.\n", status=401, content_type=_PLAIN)
    try:
        wanted = Subscription.of(request.GET.get("topics", ""), reach_of(request))
    except ValueError as error:
        return HttpResponse(f"{error}\n", status=400, content_type=_PLAIN)
    who = f"user:{user.pk}" if user.is_authenticated else f"address:{request.META.get('REMOTE_ADDR', '')}"
    hub = hubs.hub() if request.META.get(OFFER) and settings.KAIROS_LIVE_STREAMS else None
    if hub is None:
        return _refusal()
    since = request.headers.get("Last-Event-ID") or request.GET.get("since", "")
    is_chunked = request.META.get("SERVER_PROTOCOL") != "HTTP/1.0"
    outlet = Outlet(hub, wanted, who=who, since=since[:40], chunked=is_chunked)
    if not hub.admit(outlet):
        return _refusal()
    response = StreamingHttpResponse(_HandingOver(hub, outlet), content_type="text/event-stream; charset=utf-8")
    # nginx would keep what is told until it has a page full of it.
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _refusal() -> HttpResponse:
    refusal = HttpResponse("No stream is to be had: poll.\n", status=503, content_type=_PLAIN)
    refusal.headers["Retry-After"] = "30"
    return refusal


class _HandingOver:
    """The body of the answer: when to come again, then the connection leaves. Closed before, no stream is."""

    def __init__(self, hub: Hub, outlet: Outlet) -> None:
        self._hub, self._outlet = hub, outlet
        self._is_begun = self._has_left = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        if self._is_begun:
            self._has_left = True
            hub, outlet = self._hub, self._outlet
            raise Handover(lambda connection: hub.adopt(connection, outlet), lambda: hub.dismiss(outlet))
        self._is_begun = True
        # After a restart not everybody comes again at once.
        return f"retry: {random.randint(1000, 4000)}\n\n".encode()

    def close(self) -> None:
        if not self._has_left:
            self._hub.dismiss(self._outlet)

    # Where something raises on the way out Django answers something else, and closes this not.
    __del__ = close
