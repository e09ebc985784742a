"""Logins that are guessed at (ADR 38): what django-axes counts by, and what somebody sees who is locked out.

These functions are named in the settings, as AXES_…; django-axes calls them.
"""

import math
from typing import Any, Final

from axes.handlers.proxy import AxesProxyHandler
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from probes.policy.forwarded import locked_address
from probes.policy.lockout import LOCK, LONGEST_NAME, locked_until

_NAME: Final = "username"


def address_of(request: HttpRequest) -> str:
    """Return what failures are counted by beside the user name. `kairos.proxies` has looked past our own proxies."""
    return locked_address(request.META.get("REMOTE_ADDR", ""))


def name_of(request: HttpRequest, credentials: dict[str, Any] | None) -> str | None:
    """Return the user name that was tried, cut to what a name may be; None where the login is by none."""
    typed = credentials.get(_NAME) if credentials else request.POST.get(_NAME)
    return None if typed is None else str(typed).replace("\0", "")[:LONGEST_NAME]


def is_not_by_password(request: HttpRequest, credentials: dict[str, Any] | None) -> bool:
    """Tell whether nothing can be guessed, as where an OpenID provider vouches for somebody.

    Counting those would let anybody lock the provider's button for all who share an address.
    """
    return name_of(request, credentials) is None


def locked_out(request: HttpRequest, _response: HttpResponse, credentials: dict[str, Any] | None) -> HttpResponse:
    """Answer 429, with the instant from which it is worth trying again, be there such a user or not."""
    now = timezone.now()
    (failures,) = AxesProxyHandler.get_implementation().get_user_attempts(request, credentials)
    # Another process may just have ended the lock.
    until = locked_until(failures.values_list("attempt_time", "failures_since_start"), now=now) or now
    seconds = math.ceil((until - now).total_seconds())
    context = {
        "until": until,
        "minutes": max(1, math.ceil(seconds / 60)),
        "lock_minutes": int(LOCK.total_seconds()) // 60,
    }
    answer = render(request, "kairos/locked.html", context, status=429)
    answer.headers["Retry-After"] = str(max(1, seconds))
    answer.headers["Cache-Control"] = "no-store"
    return answer
