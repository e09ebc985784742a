"""Pages of what went wrong: in the frame of all pages, with what can be done about it.

None asks the database, which may be what failed: no context processor runs, so nobody is shown as signed in.
"""

from http import HTTPStatus
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from dashboard import words

_LONGEST_REASON: Final = 300


def bad_request(request: HttpRequest) -> HttpResponse:
    return _page(
        request,
        HTTPStatus.BAD_REQUEST,
        "This request cannot be understood",
        "Its address, or what was sent with it, is not what this page reads.",
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer to what somebody may not do. What the code that refused says is shown, and nothing else."""
    said = words.shown(str(exception), _LONGEST_REASON)
    return _page(
        request,
        HTTPStatus.FORBIDDEN,
        "You may not do this",
        said or "It takes a role that you do not have here. Whoever administers Kairos can give it to you.",
    )


def not_found(request: HttpRequest) -> HttpResponse:
    return _page(
        request,
        HTTPStatus.NOT_FOUND,
        "There is no such page",
        "Nothing is at this address, or nothing that you may see. It may have been deleted since the link was made.",
    )


def server_error(request: HttpRequest) -> HttpResponse:
    return _page(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Kairos failed to answer",
        "What went wrong is in the log of the web process. Checks go on meanwhile: they do not depend on this page.",
    )


def csrf_failure(request: HttpRequest) -> HttpResponse:
    return _page(
        request,
        HTTPStatus.FORBIDDEN,
        "This form is too old",
        "Somebody has signed in or out since it was shown, or the browser keeps no cookies. Nothing was done: go "
        "back, reload the page, and send it again.",
    )


def _page(request: HttpRequest, status: HTTPStatus, title: str, said: str) -> HttpResponse:
    context = {
        "request": request,
        "status": status.value,
        "title": title,
        "said": said,
        "is_ours": status >= HTTPStatus.INTERNAL_SERVER_ERROR,
    }
    answer = HttpResponse(render_to_string("dashboard/error.html", context), status=status)
    answer.headers["Cache-Control"] = "no-store"
    return answer
