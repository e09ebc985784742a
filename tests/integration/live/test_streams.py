"""Streams of events from the web server as it is deployed."""

import asyncio
import gc
import os
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from pytest_django import Settings

from dashboard.live import hub as hubs
from dashboard.live.handover import OFFER, Handover
from kairos.streaming import Worker
from probes.models import ResourceGroup
from probes.policy.access import Role
from probes.protocol.taxonomy import Reason
from probes.selectors import listening
from tests.fakes.access import grant
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.fakes.web_server import Servers


def cookie_of(user: User) -> str:
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())


def test_a_change_is_told_within_two_seconds_and_what_was_missed_is_told_later(serve: Servers) -> None:
    web = serve()
    plane = ControlPlane()
    plane.hear_all()
    image, other = plane.image(), plane.image("ghcr.io/org/other:1")
    plane.check(image, other)
    overview, page = web.stream("resource:* verdicts"), web.stream(f"resource:{image.pk}")
    # Nobody knows what was missed by a page that comes with nothing.
    assert overview.event()[:2] == ("refresh", "all")
    assert page.until("refresh")[1] == "all"
    assert 1000 <= overview.retry_ms <= 4000

    began = time.monotonic()
    plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    _, told, position = overview.until("change")
    assert time.monotonic() - began < 2
    assert set(told.split()) == {f"resource:{image.pk}", "verdicts"}
    assert page.hears(f"resource:{image.pk}") <= {f"resource:{image.pk}", f"checked:{image.pk}"}

    # What came out as before is told to its own page alone.
    plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    assert page.hears(f"checked:{image.pk}") == {f"checked:{image.pk}"}

    overview.close()
    plane.check(other, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    again = web.stream("resource:* verdicts", since=position)
    _, told, _ = again.until("change")
    assert set(told.split()) >= {f"resource:{other.pk}", "verdicts"}
    assert f"resource:{image.pk}" not in told

    # Streams take no thread and no connection of theirs.
    process = psutil.Process(web.pid).children()[0]
    before = process.num_threads()
    for _ in range(20):
        web.stream("verdicts").event()
    assert process.num_threads() <= before + 4
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kairos live'")
        assert cursor.fetchone() == (1,)
        # Where the listener is cut off, everybody reads everything again.
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kairos live'"
        )
    assert again.until("refresh")[1] == "all"

    began = time.monotonic()
    os.kill(web.pid, signal.SIGTERM)
    with pytest.raises(EOFError):
        page.until("no such event")
    assert page.retry_ms >= 1000, "not all of them come again at once"
    psutil.Process(web.pid).wait(5)
    assert time.monotonic() - began < 3


def test_streams_are_for_whoever_may_read_and_only_so_far_and_so_many(serve: Servers) -> None:
    web = serve(
        KAIROS_PUBLIC_DASHBOARD="0",
        KAIROS_LIVE_STREAMS="4",
        KAIROS_LIVE_STREAMS_EACH="3",
        KAIROS_LIVE_STREAM_SECONDS="4",
    )
    plane = ControlPlane()
    plane.hear_all()
    group = ResourceGroup.objects.create(name="ours")
    ours, theirs = plane.image(group=group), plane.image("ghcr.io/org/theirs:1")
    plane.check(ours, theirs)
    reader, chief = User.objects.create(username="reader"), User.objects.create(username="chief", is_superuser=True)
    grant(reader, Role.VIEWER, group)
    cookie = cookie_of(reader)
    assert web.get("/live/events?topics=verdicts")[0] == 401
    assert web.get("/live/events?topics=nothing%20of%20%3Cthat%3E", Cookie=cookie)[0] == 400
    assert web.get("/live/events", Cookie=cookie)[0] == 400

    limited, whole = web.stream("resource:*", Cookie=cookie), web.stream("resource:*", Cookie=cookie_of(chief))
    limited.until("refresh")
    whole.until("refresh")
    asked = web.stream(f"resource:{theirs.pk}", Cookie=cookie)
    asked.until("refresh")
    plane.check(theirs, ours, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    assert whole.until("change")[1].split() == sorted(f"resource:{image.pk}" for image in (ours, theirs))
    assert limited.until("change")[1] == f"resource:{ours.pk}"

    web.stream("verdicts", Cookie=cookie).until("refresh")
    status, headers, _ = web.get("/live/events?topics=verdicts", Cookie=cookie)
    assert (status, headers["Retry-After"]) == (503, "30")

    # Nothing of what is beyond reach was told to the end; and who is signed out gets no other stream.
    Session.objects.all().delete()
    with pytest.raises(EOFError):
        asked.until("change")
    assert asked.retry_ms <= 250, "its time was over, and it is to come again at once"
    assert web.get("/live/events?topics=verdicts", Cookie=cookie)[0] == 401


def test_streams_are_counted_when_they_are_granted_and_given_back(
    client: Client, db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KAIROS_PUBLIC_DASHBOARD = True
    settings.KAIROS_LIVE_STREAMS, settings.KAIROS_LIVE_STREAMS_EACH = 2, 1

    async def nothing(**_: object) -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield ""

    monkeypatch.setattr(listening, "payloads", nothing)
    hub = hubs.Hub()
    monkeypatch.setattr(hubs, "hub", lambda: hub)

    def ask(address: str = "192.0.2.1") -> Any:
        server: dict[str, Any] = {OFFER: True, "REMOTE_ADDR": address}
        return client.get("/live/events?topics=verdicts", **server)

    def ask_until_granted() -> Any:
        until = time.monotonic() + 5
        while (answer := ask()).status_code == 503 and time.monotonic() < until:
            time.sleep(0.005)  # the loop in its thread gives the place back, and tells nobody
        assert answer.status_code == 200
        return answer

    def leave(granted: Any) -> Handover:
        parts = iter(granted.streaming_content)
        assert next(parts).startswith(b"retry: ")
        with pytest.raises(Handover) as left:
            next(parts)
        return left.value

    try:
        # Those that are still to leave their threads are counted: many at once are no more than one after the other.
        granted = ask()
        assert (granted.status_code, ask().status_code) == (200, 503)
        second = ask("192.0.2.2")
        assert (second.status_code, ask("192.0.2.3").status_code) == (200, 503)
        granted.close()  # whoever asked went before anything was written
        granted.close()
        granted = ask()
        assert (granted.status_code, ask("192.0.2.3").status_code) == (200, 503)

        # One that nobody closes, as another answer took its place, is counted no longer once it is gone.
        del second
        gc.collect()
        second = ask("192.0.2.2")
        assert second.status_code == 200

        # One that leaves keeps its place, until it ends or cannot be adopted.
        left = leave(granted)
        granted.close()
        assert ask().status_code == 503
        ours, theirs = socket.socketpair()
        left.adopt(ours)
        assert ask().status_code == 503
        theirs.close()
        leave(ask_until_granted()).abandon()
        datagrams, other = socket.socketpair(type=socket.SOCK_DGRAM)
        leave(ask_until_granted()).adopt(datagrams)
        ask_until_granted()
        other.close()
    finally:
        hub.stop()
        for thread in threading.enumerate():
            if thread.name == "live":
                thread.join(5)


def test_a_connection_that_is_closed_before_it_leaves_its_thread_is_counted_no_longer() -> None:
    abandoned: list[str] = []
    handover = Handover(lambda _: pytest.fail("there is none to adopt"), lambda: abandoned.append("stream"))
    closed, worker, done = socket.socket(), Worker.__new__(Worker), Future[Any]()
    closed.close()
    worker.nr_conns = 1
    done.set_result(handover)
    worker.finish_request(SimpleNamespace(sock=closed), done)
    assert (abandoned, worker.nr_conns) == (["stream"], 0)


def test_without_a_server_that_can_hold_them_pages_poll(client: Client, db: None, settings: Settings) -> None:
    settings.KAIROS_PUBLIC_DASHBOARD = True
    assert client.get("/live/events?topics=verdicts").status_code == 503
