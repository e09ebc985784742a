"""Who may read `/metrics`: the holder of its own token, and whoever may read the API. Never anybody."""

from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.utils.crypto import constant_time_compare
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from probes.policy.access import Access, Grant, Role, Scope

_BEARER = "Bearer"
_SCRAPING: Final = Access((Grant(Role.VIEWER),), frozenset({Scope.METRICS}))


class Scraper(AnonymousUser):
    """Whoever has the token for metrics. It is no account, and has no permission but this one scope."""

    @property
    def is_authenticated(self) -> bool:  # type: ignore[override]  # of its base it never is
        return True


class MetricsTokenAuthentication(BaseAuthentication):
    """Takes `Authorization: Bearer KAIROS_METRICS_TOKEN`. Anything else is left to those who are asked next."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        keyword, _, token = get_authorization_header(request).partition(b" ")
        wanted = settings.KAIROS_METRICS_TOKEN
        if wanted and keyword.lower() == _BEARER.lower().encode() and constant_time_compare(token.strip(), wanted):
            request._request.kairos_access = _SCRAPING  # type: ignore[attr-defined]  # noqa: SLF001 - as of any token
            return Scraper(), None
        return None

    def authenticate_header(self, _request: Request) -> str:
        return _BEARER
