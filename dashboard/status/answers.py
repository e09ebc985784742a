"""How what a status page shows is sent: who may keep it, and for how long.

What depends on who asks varies by cookie, whether or not this page has anything that everybody may not see: else the
header would tell that it has. Only what everybody is shown may be kept by others.
"""

import hashlib
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import get_conditional_response, patch_vary_headers

from probes.policy.publishing import Audience, frame_ancestors

MAX_AGE_SECONDS: Final = 60


def for_everybody(request: HttpRequest, body: str, content_type: str, *, status: int = 200) -> HttpResponseBase:
    """Answer what is the same whoever asks: nothing of the request but its address was looked at."""
    return _kept(request, HttpResponse(body, content_type=content_type, status=status), is_public=True)


def for_audience(request: HttpRequest, response: HttpResponse, audience: Audience) -> HttpResponseBase:
    """Answer what an audience is shown."""
    patch_vary_headers(response, ["Cookie"])
    return _kept(request, response, is_public=not audience.is_signed_in)


def missing(request: HttpRequest) -> HttpResponse:
    """Answer for a page that is not there, or not for whoever asks: nobody can tell which."""
    response = render(request, "dashboard/status/missing.html", status=404)
    response.headers["Cache-Control"] = "no-store"
    return response


def framed_by(response: HttpResponseBase, origins: list[str]) -> HttpResponseBase:
    """Let pages of these origins put the response in a frame, and nobody else."""
    ancestors = frame_ancestors(origins)
    response.headers["Content-Security-Policy"] = (
        "default-src 'self'; object-src 'none'; script-src 'none'; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors {ancestors}"
    )
    if origins:
        # The older header knows no list of origins: the policy is what holds.
        response.xframe_options_exempt = True  # type: ignore[attr-defined]  # as Django's decorator sets it
    return response


def _kept(request: HttpRequest, response: HttpResponse, *, is_public: bool) -> HttpResponseBase:
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE_SECONDS}" if is_public else "private, no-cache"
    etag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
    response.headers["ETag"] = etag
    if response.status_code != 200:
        return response
    return get_conditional_response(request, etag=etag, response=response) or response
