"""What was made for one reader, and who else is given it."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.signals import user_logged_out
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject
from pytest_django import Settings

from dashboard.access import access_in
from dashboard.live import hub, kept
from dashboard.live import known as known_by_session
from dashboard.live.known import Known
from probes.policy.access import EVERYTHING, Access, Reach


class Told:
    """A hub of which the test says how far it has told."""

    position = "e-3"

    def is_past(self, position: str) -> bool:
        return hub.is_at_least(self.position, position)


class Reader:
    """Somebody who has logged in."""

    is_authenticated = True

    def __init__(self, pk: int, *, is_staff: bool = False) -> None:
        self.pk, self.is_staff = pk, is_staff


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Told:
    told = Told()
    settings.KAIROS_PUBLIC_DASHBOARD = False
    monkeypatch.setattr(hub, "running", lambda: told)
    monkeypatch.setattr(kept, "reach_of", lambda request: getattr(request, "reach", EVERYTHING))
    monkeypatch.setattr(kept, "_fragments", kept.Shelf(10))
    monkeypatch.setattr(kept, "_parts", kept.Shelf(10))
    return told


def asked(
    position: str, user: Reader, *, reach: Reach = EVERYTHING, tag: str = "", host: str = "localhost"
) -> HttpRequest:
    headers = {"Kairos-Live": position, "Host": host} | ({"If-None-Match": tag} if tag else {})
    request = RequestFactory().get("/live/", headers=headers)
    request.user = user  # type: ignore[assignment]  # as much of one as is asked for
    request.reach = reach  # type: ignore[attr-defined]  # the test's own
    return request


def test_it_is_made_once_for_all_who_would_be_shown_the_same(told: Told) -> None:
    made: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        made.append(request)
        return HttpResponse(f"made {len(made)}")

    shared, own = kept.kept(view, shared=True), kept.kept(view, shared=False)

    def given(request: HttpRequest, fragment: object = shared) -> str:
        answer = fragment(request)  # type: ignore[operator]  # a view
        return str(answer.content.decode())

    assert given(asked("e-3", Reader(1))) == "made 1"
    assert given(asked("e-2", Reader(2))) == "made 1"
    assert shared(asked("e-2", Reader(2))).headers["Kairos-Live"] == "e-3"
    # Who reaches less, or is staff, is shown something else; and so is who heard of more, once that was told.
    assert given(asked("e-3", Reader(3), reach=Reach(frozenset({7})))) == "made 2"
    assert given(asked("e-3", Reader(3), reach=Reach(frozenset({8})))) == "made 3"
    assert given(asked("e-3", Reader(4, is_staff=True))) == "made 4"
    told.position = "e-4"
    assert given(asked("e-4", Reader(1))) == "made 5"
    assert given(asked("e-3", Reader(1))) == "made 5"
    # What shows something of one's own is one's own.
    assert given(asked("e-4", Reader(1)), own) == "made 6"
    assert given(asked("e-4", Reader(2)), own) == "made 7"
    assert given(asked("e-4", Reader(1)), own) == "made 6"
    # Of a position that nobody knows here, of none, and after a restart, it is made anew.
    for position in ("e-9", "", "f-1", "rubbish", "-1", "e-" + "9" * 5000):
        count = len(made)
        assert given(asked(position, Reader(1))) == f"made {count + 1}"

    # What is asked for under another name of this server may have that in it.
    assert given(asked("e-4", Reader(1), host="127.0.0.1")) == f"made {len(made)}"
    assert made[-1].get_host() == "127.0.0.1"

    tag = str(shared(asked("e-4", Reader(1))).headers["ETag"])
    again = shared(asked("e-4", Reader(2), tag=tag))
    assert (again.status_code, again.headers["ETag"]) == (304, tag)
    assert "Cookie" in again.headers["Vary"]
    assert again.headers["Kairos-Live"] == "e-4"


def test_a_part_is_made_once_for_pages_that_have_it_and_a_page_is_as_old_as_its_oldest_part(told: Told) -> None:
    made: list[str] = []

    def part() -> str:
        made.append(told.position)
        return told.position

    def view(request: HttpRequest) -> HttpResponse:
        key = ("part", request.headers.get("Host") == "other")
        return HttpResponse(kept.made_once(request, key, part, position=told.position))

    fragment: Any = kept.kept(view, shared=True)
    assert fragment(asked("e-3", Reader(1))).headers["Kairos-Live"] == "e-3"
    told.position = "e-5"
    # Another page that heard no more is made of it, and says as of when it is; whoever heard more is not given it.
    request = asked("e-3", Reader(1))
    request.path = request.path_info = "/another/"
    again = fragment(request)
    assert (again.content, again.headers["Kairos-Live"], made) == (b"e-3", "e-3", ["e-3"])
    newer = fragment(asked("e-4", Reader(1)))
    assert (newer.content, newer.headers["Kairos-Live"], made) == (b"e-5", "e-5", ["e-3", "e-5"])
    # A page that polls is told what is so now.
    assert view(asked("", Reader(1))).content == b"e-5"
    assert len(made) == 3


def test_nobody_is_given_it_who_may_not_read(told: Told) -> None:
    class Nobody(Reader):
        is_authenticated = False

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("secret") if request.user.is_authenticated else HttpResponse(status=403)

    fragment = kept.kept(view, shared=True)
    assert fragment(asked("e-3", Reader(1))).status_code == 200
    assert fragment(asked("e-3", Nobody(2))).status_code == 403


def test_who_asks_is_known_by_his_session_for_a_moment_and_not_once_he_has_logged_out(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asks(user: Any, session: str) -> HttpRequest:
        request = RequestFactory().get("/live/events")
        request.COOKIES["kairos_session"] = session
        request.user = user
        return request

    chief = User.objects.create(username="chief", is_superuser=True)
    gone, nobody = User(pk=chief.pk, is_active=False), AnonymousUser()
    known = Known(most=2)
    known.recall(asks(chief, "his"))
    later = asks(gone, "his")
    known.recall(later)
    assert (later.user, access_in(later)) == (chief, Access.of_all())
    # What has become of him is read after a moment, and whoever shows another session is another.
    later = asks(gone, "his")
    known.recall(later, within=0.0)
    assert access_in(later).grants == ()
    for session in ("another", ""):
        known.recall(asks(nobody, session))
        known.recall(other := asks(gone, session))
        assert other.user is gone

    monkeypatch.setattr(known_by_session, "KNOWN", own := Known())
    own.recall(asks(chief, "his"))
    user_logged_out.send(User, request=asks(chief, "his"), user=chief)
    # Until the session is deleted somebody else may still read it, or has just read it.
    own.recall(asks(chief, "his"))
    own.recall(later := asks(gone, "his"))
    assert later.user is gone

    def logs_out() -> User:
        user_logged_out.send(User, request=asks(chief, "another"), user=chief)
        return chief

    own.recall(asks(SimpleLazyObject(logs_out), "another"))
    own.recall(later := asks(gone, "another"))
    assert later.user is gone
    user_logged_out.send(type(None), request=asks(nobody, "made up"), user=None)
    own.recall(asks(chief, "made up"))
    own.recall(later := asks(gone, "made up"))
    assert later.user == chief


def test_whatever_is_asked_for_there_are_so_many_locks_and_no_more() -> None:
    turns = kept.Turns()
    assert turns.of("this") is turns.of("this")
    assert len({id(turns.of(number)) for number in range(10_000)}) <= 128
