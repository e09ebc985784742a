"""Who acts, as a request, a command line and a task show it: what the audit log is told (ADR 42)."""

import os
import pwd
import re
import uuid
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any, Final

from django.http import HttpRequest, HttpResponseBase

from probes.actions.acting import Actor, acting
from probes.policy.audit import ActorKind, Via

REQUEST_ID_HEADER: Final = "X-Request-ID"
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_WAYS: Final = {"admin": Via.ADMIN, "api": Via.API}
_PROGRAMS: Final = frozenset({"manage.py", "django-admin"})
_APPLY: Final = "apply"


class ActorMiddleware:
    """Let whoever sends a request be who acts in it; it costs nothing unless something is changed.

    The answer tells the request's id: the one that it came with, such as a proxy's, or a new one.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = request.headers.get(REQUEST_ID_HEADER, "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = str(uuid.uuid4())
        with acting(lambda: _requesting(request, request_id)):
            response = self.get_response(request)
        response.headers[REQUEST_ID_HEADER] = request_id
        return response


def _requesting(request: HttpRequest, request_id: str) -> Actor:
    """Return who sends a request, as far as that is known by now. DRF leaves what it found on Django's request."""
    user, token = getattr(request, "user", None), getattr(request, "auth", None)
    token_id = getattr(token, "pk", None)
    spaces = request.resolver_match.namespaces if request.resolver_match else []
    return Actor(
        kind=ActorKind.USER if token is None else ActorKind.TOKEN,
        name=(user and user.get_username()) or "anonymous",
        user_id=user.pk if user else None,
        token_id=token_id if isinstance(token_id, int) else None,
        token_name=getattr(token, "name", ""),
        via=_WAYS.get(spaces[0] if spaces else "", Via.PAGE),
        address=request.META.get("REMOTE_ADDR", ""),  # the client's: kairos.proxies has seen to that
        request_id=request_id,
        path=f"{request.method} {request.path}",
    )


def commanding(arguments: Sequence[str]) -> Actor | None:
    """Return who runs the command line, or None where that is no command. Of its arguments, nothing is told."""
    program = PurePath(arguments[0]).name if arguments else ""
    if program not in _PROGRAMS or len(arguments) < 2:
        return None
    command = arguments[1]
    return Actor(
        kind=ActorKind.COMMAND,
        name=_account(),
        via=Via.APPLY if command == _APPLY else Via.COMMAND,
        path=f"{program} {command}",
    )


def performing(task: str) -> Actor:
    return Actor(kind=ActorKind.SYSTEM, name=task, via=Via.TASK)


def _account() -> str:
    """Return the account of the operating system; who became another by sudo is told with it."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # as in a container, whose user may be a number alone
        name = f"uid {os.getuid()}"
    behind: Any = os.environ.get("SUDO_USER")
    return f"{behind} as {name}" if behind and behind != name else name
