"""Faults outside of a view as problems, for whoever can read them: under `/api/`, and who asks for JSON alone."""

from typing import Final

from django.http import HttpRequest, HttpResponseBase

from api.errors import Fault
from api.problems import handle

__all__ = ["Fault", "problem"]

_PREFIX: Final = "/api/"


def problem(request: HttpRequest, error: Exception) -> HttpResponseBase | None:
    """Return the fault as a problem; None for whoever wants a page."""
    wants_json = request.accepts("application/json") and not request.accepts("text/html")
    return handle(error, {"request": request}) if request.path.startswith(_PREFIX) or wants_json else None
