"""To the provider, and back from it."""

import logging
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import reverse
from django.views.generic import View
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView, OIDCAuthenticationRequestView

from dashboard.access import PROVIDER_LOGOUT
from kairos.oidc.backend import configuration, provider_of
from kairos.oidc.provider import ProviderFailed

SESSION: Final = timedelta(hours=12)
"""Who is taken out at the provider is out here after so long at the latest."""

_log = logging.getLogger(__name__)

_AWAY: Final = "The provider does not answer as it should. Try again later, or log in with a password."
_REFUSED: Final = "You are not logged in: the provider's answer cannot be believed, or gives you no role here."


def _setting(name: str, *default: Any) -> Any:
    """Return a setting as mozilla-django-oidc calls it, of ours."""
    ours = configuration()
    known = {"OIDC_RP_SCOPES": ours.scopes, "OIDC_USE_PKCE": True, "LOGIN_REDIRECT_URL": settings.LOGIN_REDIRECT_URL}
    return known[name] if name in known else getattr(settings, name, *default)


class BeginView(OIDCAuthenticationRequestView):  # type: ignore[misc]  # it has no types
    """Send somebody to the provider, with a state, a nonce and PKCE that his session keeps."""

    get_settings = staticmethod(_setting)

    def __init__(self, **options: Any) -> None:
        View.__init__(self, **options)  # the library's reads endpoints, which may be away

    def get(self, request: HttpRequest) -> HttpResponseBase:
        ours = configuration()
        try:
            endpoint = urlsplit(provider_of(ours).metadata().authorization_endpoint)
        except ProviderFailed as failed:
            return _back(request, _AWAY, failed)
        self.OIDC_RP_CLIENT_ID = ours.client_id
        self.OIDC_OP_AUTH_ENDPOINT = urlunsplit(endpoint._replace(query="", fragment=""))
        self._extra = dict(parse_qsl(endpoint.query))
        answer: HttpResponse = super().get(request)
        return answer

    def get_extra_params(self, request: HttpRequest) -> dict[str, str]:  # noqa: ARG002 - the library's signature
        return self._extra


class BackView(OIDCAuthenticationCallbackView):  # type: ignore[misc]  # likewise
    """Take what the provider sent somebody back with."""

    get_settings = staticmethod(_setting)

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if "error" in request.GET:
            # The library would log out whoever is logged in, and anybody can send them here.
            request.session.get("oidc_states", {}).pop(request.GET.get("state", ""), None)
            request.session.modified = True
            return self.login_failure()
        try:
            answer: HttpResponse = super().get(request)
        except ProviderFailed as failed:
            return _back(request, _AWAY, failed)
        except SuspiciousOperation as suspicious:
            return _back(request, _REFUSED, suspicious)
        return answer

    def login_failure(self) -> HttpResponse:
        return _back(self.request, _REFUSED, None)

    def login_success(self) -> HttpResponse:
        answer: HttpResponse = super().login_success()
        self.request.session.set_expiry(SESSION)
        self.request.session[PROVIDER_LOGOUT] = _logout_address(self.request)
        return answer


def _back(request: HttpRequest, message: str, error: Exception | None) -> HttpResponse:
    if error is not None:
        _log.warning("a login at the provider failed: %s", error)
    messages.error(request, message)
    return HttpResponseRedirect(resolve_url(settings.LOGIN_URL))


def _logout_address(request: HttpRequest) -> str:
    """Return where somebody ends what he has at the provider as well; empty where it offers nothing."""
    ours = configuration()
    try:
        endpoint = provider_of(ours).metadata().end_session_endpoint
    except ProviderFailed:
        return ""
    if not endpoint:
        return ""
    back = request.build_absolute_uri(reverse("dashboard:login"))
    query = urlencode({"client_id": ours.client_id, "post_logout_redirect_uri": back})
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"
