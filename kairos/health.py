"""What an orchestrator or a load balancer asks: does this process run, and does the whole work."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from probes.broker.ping import BrokerAway, ping
from probes.policy.liveness import SILENT_AFTER
from probes.selectors import health as selectors

# Beat starts a tick each second; so long without one, and nothing is being scheduled.
LATEST_TICK: Final = timedelta(seconds=30)
# By then a region that is missing is silent, unless that cannot be told: its heartbeats may wait to be read.
LATEST_HEARTBEAT: Final = SILENT_AFTER + LATEST_TICK


class NotReady(Exception):
    """A part that does not work; the message says which way, to anybody who asks."""


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer 200 while this process serves requests; nothing else is looked at."""
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


@require_safe
@never_cache
def readyz(_request: HttpRequest) -> HttpResponse:
    """Answer 200 when images are being checked, else 503; the JSON body has a word on each part."""
    parts = {part: _state(check) for part, check in CHECKS.items()}
    ready = all(state == "ok" for state in parts.values())
    return JsonResponse({"ready": ready, "parts": parts}, status=200 if ready else 503)


def _database() -> None:
    selectors.pulse()


def _broker() -> None:
    try:
        ping(settings.KAIROS_BROKER)
    except BrokerAway:
        raise NotReady("does not answer") from None


def _beat() -> None:
    ticked_at = selectors.pulse().ticked_at
    if ticked_at is None:
        raise NotReady("has not ticked yet")
    if (age := timezone.now() - ticked_at) > LATEST_TICK:
        raise NotReady(f"last ticked {age.total_seconds():.0f} s ago")


def _regions() -> None:
    heard_at = selectors.pulse().heard_at
    if heard_at is None:
        raise NotReady("none is alive")
    if (age := timezone.now() - heard_at) > LATEST_HEARTBEAT:
        raise NotReady(f"no heartbeat was read for {age.total_seconds():.0f} s")


CHECKS: Final[dict[str, Callable[[], None]]] = {
    "database": _database,
    "broker": _broker,
    "beat": _beat,
    "regions": _regions,
}


def _state(check: Callable[[], None]) -> str:
    try:
        check()
    except NotReady as error:
        return str(error)
    except Error:  # what the driver says may name hosts and users
        return "the database does not answer"
    return "ok"
