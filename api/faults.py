"""What is answered where a request fails outside of a view: under `/api/` a problem, elsewhere Django's own page."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponseBase
from django.views import defaults

from api.errors import Fault
from api.problems import handle

_PREFIX: Final = "/api/"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return _problem(request, exception) or defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return _problem(request, exception) or defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return _problem(request, exception) or defaults.page_not_found(request, exception)


def server_error(request: HttpRequest, *_: Any) -> HttpResponseBase:
    """Answer to what nobody foresaw. Django has logged it with its trace."""
    return _problem(request, Fault()) or defaults.server_error(request)


def _problem(request: HttpRequest, error: Exception) -> HttpResponseBase | None:
    return handle(error, {"request": request}) if request.path.startswith(_PREFIX) else None
