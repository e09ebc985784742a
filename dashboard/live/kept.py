"""What was made for one reader, kept for a moment for all who would be shown the same (ADR 47).

Whoever asks says from which position on he wants to know: what was begun to be made after that had been told shows
it, and is given to him as it is. It is never kept for somebody who reaches less, or may something else.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import wraps
from hashlib import blake2b
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.utils.cache import patch_vary_headers

from dashboard.access import reach_of
from dashboard.live import hub as hubs
from dashboard.live.known import KNOWN
from probes.policy.access import Reach

HEADER: Final = "Kairos-Live"
"""Asks for what is as of a position or newer. In an answer: as of which it is, where that is known."""

_KEPT_SECONDS: Final = 20.0
"""Ages go on while it is kept; what goes by without a change is not told."""

_PART_SECONDS: Final = 5.0
"""A part of a page is kept for as long as pages that heard the same ask one after the other."""

_TURNS: Final = 128
_AS_OF: Final = "kairos_as_of"

ValueT = TypeVar("ValueT")
_P = ParamSpec("_P")
_View = Callable[Concatenate[HttpRequest, _P], HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Made(Generic[ValueT]):
    """What was begun to be made at a position, at a moment of a clock that only goes on."""

    position: str
    at: float
    value: ValueT


class Turns:
    """Locks by what is made: whoever makes it holds its lock, others wait, and find it made.

    There are so many and no more, whatever is asked for: few that are unlike share one.
    """

    def __init__(self) -> None:
        self._turns = [threading.Lock() for _ in range(_TURNS)]

    def of(self, key: Hashable) -> threading.Lock:
        return self._turns[hash(key) % _TURNS]


class Shelf(Generic[ValueT]):
    """The last `most` things that were made, for so many `seconds`, each made in its turn."""

    def __init__(self, most: int, *, seconds: float = _KEPT_SECONDS) -> None:
        self._most, self._seconds = most, seconds
        self._made: OrderedDict[Hashable, Made[ValueT]] = OrderedDict()
        self.turns = Turns()
        self._lock = threading.Lock()

    def find(self, key: Hashable, position: str) -> Made[ValueT] | None:
        """Return what was made at that position or later, and lately."""
        with self._lock:
            made = self._made.get(key)
            if made is None or not hubs.is_at_least(made.position, position):
                return None
            return made if time.monotonic() - made.at < self._seconds else None

    def keep(self, key: Hashable, position: str, value: ValueT) -> Made[ValueT]:
        made = Made(position, time.monotonic(), value)
        with self._lock:
            self._made[key] = made
            self._made.move_to_end(key)
            while len(self._made) > self._most:
                self._made.popitem(last=False)
        return made


@dataclass(frozen=True, slots=True)
class Viewer:
    """What a fragment depends on besides its address. `user` is None where it is the same for all of them."""

    reach: Reach
    is_staff: bool
    user: int | None


def viewer_of(request: HttpRequest, *, shared: bool) -> Viewer | None:
    """Return who looks; None for whoever may not."""
    user: Any = request.user
    if not (settings.KAIROS_PUBLIC_DASHBOARD or user.is_authenticated):
        return None
    is_staff = bool(getattr(user, "is_staff", False))
    return Viewer(reach_of(request), is_staff, None if shared else user.pk)


_fragments: Final = Shelf[HttpResponse](300)
_parts: Final = Shelf[Any](200, seconds=_PART_SECONDS)


def told_to(request: HttpRequest) -> hubs.Hub | None:
    """Return who has told whoever asks of a change; None where he says of none, or of one that is not known."""
    asked, hub = request.headers.get(HEADER, ""), hubs.running()
    return hub if asked and hub and hub.is_past(asked) else None


def made_once(request: HttpRequest, key: Hashable, make: Callable[[], ValueT], *, position: str) -> ValueT:
    """Return a part of a fragment: that of another page which has the same, or what `make` makes of it.

    `key` has all that it depends on, the reach too, but for what is read of it from `position` on, be that before
    `make` is called. The fragment is as of its oldest part. A part has none in it.
    """
    hub = told_to(request)
    if hub is None:
        return make()
    with _parts.turns.of(key):
        found = _parts.find(key, request.headers[HEADER])
        if found is None:
            found = _parts.keep(key, position, make())
    setattr(request, _AS_OF, _older(getattr(request, _AS_OF, found.position), found.position))
    value: ValueT = found.value
    return value


def _older(position: str, other: str) -> str:
    """Return the older of two positions; nothing where neither is known to be."""
    if hubs.is_at_least(position, other):
        return other
    return position if hubs.is_at_least(other, position) else ""


def kept(view: _View[_P], *, shared: bool) -> _View[_P]:
    """Have a fragment kept: for its user alone, or `shared` by all who reach the same, where it shows nothing else.

    A page that polls says no position, and is always shown what is so at that moment.
    """

    @wraps(view)
    def keeping(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
        asked, hub = request.headers.get(HEADER, ""), told_to(request)
        if hub is None:
            return view(request, *args, **kwargs)
        KNOWN.recall(request)
        viewer = viewer_of(request, shared=shared)
        if viewer is None:
            return view(request, *args, **kwargs)
        coding = "gzip" in request.headers.get("Accept-Encoding", "")
        # With its host: addresses that are to be copied have it.
        key = (request.build_absolute_uri(), viewer, coding)
        with _fragments.turns.of(key):
            found = _fragments.find(key, asked)
            if found is None:
                position = hub.position
                made = view(request, *args, **kwargs)
                if not isinstance(made, HttpResponse) or made.status_code != 200:
                    return made
                position = _older(position, getattr(request, _AS_OF, position))
                made.headers["ETag"] = f'"{blake2b(made.content, digest_size=12).hexdigest()}"'
                if position:
                    made.headers[HEADER] = position
                found = _fragments.keep(key, position, made)
        return _given(request, found.value)

    return keeping


def _given(request: HttpRequest, made: HttpResponse) -> HttpResponse:
    """Return an answer of its own, since whoever serves it writes headers into it; 304 for whoever has it."""
    if request.headers.get("If-None-Match") == made.headers["ETag"]:
        answer: HttpResponse = HttpResponseNotModified()
    else:
        answer = HttpResponse(made.content)
    for name, value in made.headers.items():
        if not (answer.status_code == 304 and name in {"Content-Type", "Content-Length", "Content-Encoding"}):
            answer.headers[name] = value
    patch_vary_headers(answer, ["Cookie", "Accept-Encoding"])
    return answer
