"""What is answered where a request fails outside of any view: a problem to programs, a page to people."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase

from api.faults import Fault, problem
from dashboard import errors


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return problem(request, exception) or errors.bad_request(request)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return problem(request, exception) or errors.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return problem(request, exception) or errors.not_found(request)


def server_error(request: HttpRequest, *_: Any) -> HttpResponseBase:
    """Answer to what nobody foresaw. Django has logged it with its trace."""
    return problem(request, Fault()) or errors.server_error(request)


def csrf_failure(request: HttpRequest, **_: str) -> HttpResponseBase:
    """Answer to a form without its secret. Why it is not believed is in the log alone."""
    return errors.csrf_failure(request)
