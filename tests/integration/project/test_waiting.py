"""`manage.py prepare --wait`: at boot, a database or a broker that comes late."""

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection
from psycopg import sql
from pytest_django import Settings

from kairos import start
from kairos.embedded import free_port
from probes.broker.address import BrokerAddress
from tests.fakes.up import PROJECT, bare_environment


@contextlib.contextmanager
def door(port: int, url: str) -> Iterator[None]:
    """Lead everybody who comes to `port` on loopback to the server of `url`."""
    there = urlsplit(url)
    with socket.create_server(("127.0.0.1", port)) as listener, contextlib.ExitStack() as guests:

        def carry(one: socket.socket, other: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while piece := one.recv(65536):
                    other.sendall(piece)
                other.shutdown(socket.SHUT_WR)

        def let_in() -> None:
            with contextlib.suppress(OSError):
                while True:
                    guest, _ = listener.accept()
                    host = socket.create_connection((there.hostname, there.port))
                    guests.callback(guest.close)
                    guests.callback(host.close)
                    for way in ((guest, host), (host, guest)):
                        threading.Thread(target=carry, args=way, daemon=True).start()

        threading.Thread(target=let_in, daemon=True).start()
        yield
        listener.shutdown(socket.SHUT_RDWR)


def at_port(url: str, port: int, path: str = "") -> str:
    """Return the URL with another port, and another path if one is given."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.replace(str(parts.port), str(port)), path=path or parts.path).geturl()


@pytest.fixture
def database(postgres_url: str) -> Iterator[str]:
    """One with every migration in it and nobody yet: to migrate takes ten seconds of a core."""
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        template = sql.Identifier(urlsplit(postgres_url).path[1:])
        admin.execute(sql.SQL("CREATE DATABASE late TEMPLATE {}").format(template))
    yield at_port(postgres_url, urlsplit(postgres_url).port or 0, "/late")
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("DROP DATABASE late WITH (FORCE)")


def test_database_that_comes_late_is_waited_for(database: str, tmp_path: Path) -> None:
    port = free_port()
    url = at_port(database, port)
    preparing = subprocess.Popen(
        [sys.executable, "manage.py", "prepare", "--without-regions", "--wait"],
        cwd=PROJECT,
        env=bare_environment({"KAIROS_STATE_DIR": str(tmp_path), "DATABASE_URL": url}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert preparing.stderr is not None
        said = preparing.stderr.readline()
        assert said.startswith(f"Waiting: DATABASE_URL: PostgreSQL does not answer at 127.0.0.1:{port}: ")
        assert (urlsplit(url).password or "?") not in said
        with pytest.raises(subprocess.TimeoutExpired):
            preparing.wait(3)  # more than one try
        with door(port, database):
            out, more = preparing.communicate(timeout=60)
    finally:
        preparing.kill()
        preparing.wait()
    assert (preparing.returncode, more) == (0, "")
    assert "Admin user: admin, password: " in out


def test_without_waiting_it_fails_at_once(postgres_url: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "prepare", "--without-regions"],
        cwd=PROJECT,
        env=bare_environment({"KAIROS_STATE_DIR": str(tmp_path), "DATABASE_URL": at_port(postgres_url, free_port())}),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0


@pytest.mark.django_db(transaction=True)
def test_broker_is_waited_for_where_it_is_needed(settings: Settings, redis_url: str) -> None:
    port = free_port()
    settings.BROKER_URL = at_port(redis_url, port)
    settings.KAIROS_BROKER = BrokerAddress(settings.BROKER_URL)
    said: list[str] = []
    naps: list[float] = []
    start.await_services(with_broker=False, say=said.append, sleep=naps.append)
    assert (said, naps) == ([], [])
    with contextlib.ExitStack() as later:

        def nap(seconds: float) -> None:
            naps.append(seconds)
            if len(naps) == 3:
                later.enter_context(door(port, redis_url))

        start.await_services(with_broker=True, say=said.append, sleep=nap)
    assert len(naps) == 3
    (line,) = said
    assert line.startswith(f"Waiting: BROKER_URL: the broker does not answer at 127.0.0.1:{port}")


def test_nothing_is_waited_for_that_the_settings_do_not_name(monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    monkeypatch.setitem(connection.settings_dict, "NAME", "")
    with pytest.raises(SystemExit, match="DATABASE_URL is not set"):
        start.await_services(with_broker=True, say=print, sleep=naps.append)
    assert naps == []
