"""Light or dark: as the system has it, or as whoever looks has chosen. The choice is a cookie, so no page flashes."""

from datetime import timedelta
from enum import StrEnum
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

COOKIE: Final = "kairos_theme"
KEPT: Final = timedelta(days=365)


class Theme(StrEnum):
    """How the pages look. The value is that of the form, of the cookie and of `data-theme`."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"

    @property
    def label(self) -> str:
        return self.value.capitalize()

    @property
    def scheme(self) -> str:
        """What the browser is told before it has read a style sheet."""
        return "light dark" if self is Theme.AUTO else self.value


def theme_of(request: HttpRequest | None) -> Theme:
    """Return what was chosen; what the system has where nothing was, or something that there is not."""
    try:
        return Theme(request.COOKIES.get(COOKIE, "")) if request else Theme.AUTO
    except ValueError:
        return Theme.AUTO


# It changes how pages look to who asks, and nothing else, also where nobody is logged in: no secret is needed.
@csrf_exempt
@require_POST
@never_cache
def choose(request: HttpRequest) -> HttpResponse:
    """Keep the choice and go back to where it was made."""
    try:
        chosen = Theme(request.POST.get("theme", ""))
    except ValueError:
        return HttpResponseBadRequest("There is no such theme.", content_type="text/plain")
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = reverse("dashboard:overview")
    answer = HttpResponseRedirect(back)
    if chosen is Theme.AUTO:
        answer.delete_cookie(COOKIE, samesite="Lax")
    else:
        answer.set_cookie(
            COOKIE,
            chosen.value,
            max_age=KEPT,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return answer
