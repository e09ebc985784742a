"""Too many requests are refused: for each user and kind of request, so many in a minute (`policy.rates`)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from api.access import need_of
from probes.actions import rates as counting
from probes.policy import rates
from probes.policy.rates import Rate

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which asks for this module while it is read


class UserRate(BaseThrottle):
    """Counts what gets past the door. What is refused there costs little, and nobody's limit is used up by others.

    All tokens of a user count together with its session: whoever makes himself more of them may not ask more often.
    """

    rate: Rate | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        kind, whose = _counted_as(request, view)
        limit = settings.KAIROS_RATES[kind]
        if not limit:
            return True
        now = timezone.now()
        taken = counting.count(f"{kind}:{whose}", now=now)
        self.rate = Rate(kind, limit, taken, rates.seconds_left(now))
        request._request.kairos_rate = self.rate  # type: ignore[attr-defined]  # noqa: SLF001 - for `told_of_rates`
        return self.rate.is_kept

    def wait(self) -> float | None:
        return None if self.rate is None else float(self.rate.seconds_left)


def told_of_rates(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Say on each answer that was counted what is left: a middleware."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        rate: Rate | None = getattr(request, "kairos_rate", None)
        if rate is not None:
            for name, value in rate.headers.items():
                response[name] = value
        return response

    return middleware


def _counted_as(request: Request, view: "APIView") -> tuple[str, str]:
    """Return the kind of the request, and who it is: a user, by whichever token, or an address."""
    if not request.user.is_authenticated:
        return rates.ANON, str(request.META.get("REMOTE_ADDR", ""))
    return rates.kind_of(need_of(view).scope), f"user-{request.user.pk}"
