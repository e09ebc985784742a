"""Who asked a moment ago, by the session that he showed (ADR 47).

Open pages ask all the time: session, user and roles took most of a small answer. Only streams and fragments that are
kept know anybody so; whole pages, whatever changes something, and the API ask the database each time.
"""

import threading
import time
from collections import OrderedDict
from copy import copy
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from dashboard.access import access_in, believe
from probes.policy.access import Access

KNOWN_SECONDS: Final = 10.0
"""For so long at most whoever has lost a role, or whose session was ended elsewhere, is believed."""

_MOST: Final = 2000


@dataclass(frozen=True, slots=True)
class _Seen:
    user: Any
    access: Access
    at: float


class Known:
    """The last `most` who asked; only who has logged in is among them, and from logging out on he is not."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        # None is of a session that was ended: whoever read it before that, and comes to write it down, does not.
        self._seen: OrderedDict[str, _Seen | None] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, request: HttpRequest, within: float = KNOWN_SECONDS) -> None:
        """Let who asks be who showed this session within so many seconds; read who that is where nobody did."""
        shown, now = _shown(request), time.monotonic()
        with self._lock:
            seen = self._seen.get(shown)
        if seen is not None and now - seen.at < within:
            believe(request, seen.user, seen.access)
            return
        user: Any = request.user
        if not (shown and user.is_authenticated):
            return
        # As it is, and not as what reads it when it is asked for: that would keep the request.
        fresh = _Seen(copy(user), access_in(request), now)
        with self._lock:
            if shown not in self._seen or self._seen[shown] is not None:
                self._put(shown, fresh)

    def forget(self, request: HttpRequest) -> None:
        """Let nobody be known by this session from now on. It is ended for good a moment later: it is still there."""
        if shown := _shown(request):
            with self._lock:
                self._put(shown, None)

    def _put(self, shown: str, seen: _Seen | None) -> None:
        self._seen[shown] = seen
        self._seen.move_to_end(shown)
        while len(self._seen) > self._most:
            self._seen.popitem(last=False)


def _shown(request: HttpRequest) -> str:
    return request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")


KNOWN: Final = Known()


@receiver(user_logged_out)
def _forget(request: HttpRequest | None = None, user: Any = None, **_: Any) -> None:
    # Of nobody: what whoever has no session shows as one is not kept.
    if request is not None and user is not None:
        KNOWN.forget(request)
