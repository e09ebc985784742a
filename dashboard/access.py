"""Who may read the pages (ADR 0011): everybody where the settings say so, else whoever has logged in."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.views import LoginView, LogoutView, redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from probes.policy.access import EVERYTHING, Access, Reach, Role
from probes.selectors.access import access_of

_P = ParamSpec("_P")
_View = Callable[Concatenate[HttpRequest, _P], HttpResponseBase]

_ACCESS: Final = "kairos_access"

PROVIDER_LOGOUT: Final = "provider_logout"
"""In the session of whoever logged in at a provider: where that is ended there as well, or an empty text."""


@dataclass(frozen=True, slots=True)
class ProviderButton:
    """The way to a login at a provider (ADR 38)."""

    name: str
    address: str


def provider_button(following: str = "") -> ProviderButton | None:
    """Return the button of the login page, or None where no provider is set. `following` is where to go after it."""
    if settings.KAIROS_OIDC is None:
        return None
    query = f"?{urlencode({'next': following})}" if following else ""
    return ProviderButton(settings.KAIROS_OIDC.name, reverse("oidc_authentication_init") + query)


class LoginPage(LoginView):
    """The login of whoever reads, by password or at a provider."""

    template_name = "dashboard/account/login.html"
    redirect_authenticated_user = True

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        return super().get_context_data(**more, provider=provider_button(self.get_redirect_url()))


class LogoutPage(LogoutView):
    """The way out. Of a session at a provider only a page is shown: that one is ended there, by a link."""

    next_page = "dashboard:overview"

    def post(self, request: HttpRequest, *args: Any, **more: Any) -> HttpResponse:
        address = request.session.get(PROVIDER_LOGOUT)
        if not address:
            answer: HttpResponse = super().post(request, *args, **more)
            return answer
        logout(request)
        # A redirect from a form is no way out of our own origin: the Content-Security-Policy holds it.
        return render(request, "dashboard/account/logged_out.html", {"provider": address})


def readers_only(view: _View[_P]) -> _View[_P]:
    """Send whoever may not read to the login page, and back after it."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
        if settings.KAIROS_PUBLIC_DASHBOARD or request.user.is_authenticated:
            return view(request, *args, **kwargs)
        return redirect_to_login(request.get_full_path())

    return guarded


def reach_of(request: HttpRequest) -> Reach:
    """Return what the pages show to who looks: what a viewer reaches; everything where everybody may read them."""
    if settings.KAIROS_PUBLIC_DASHBOARD:
        return EVERYTHING
    return access_in(request).reach(Role.VIEWER)


def access_in(request: HttpRequest) -> Access:
    """Return what whoever asks may, which is read once a request. One query at most."""
    user: Any = request.user
    known: tuple[Any, Access] | None = getattr(request, _ACCESS, None)
    # A login amid a request makes it another's.
    if known is None or known[0] != user.pk:
        known = (user.pk, access_of(user))
        setattr(request, _ACCESS, known)
    return known[1]


def believe(request: HttpRequest, user: Any, access: Access) -> None:
    """Let that be who asks, and what he may: somebody found it out a moment ago."""
    request.user = user
    setattr(request, _ACCESS, (user.pk, access))
