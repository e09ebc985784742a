"""What each program says when it is started without its database or its broker: one line, and it ends.

`manage.py up` is put to the same test in tests/integration/up.
"""

import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Final

import pytest
import trustme

from kairos import keys
from kairos.child import Child
from kairos.embedded import free_port
from kairos.environment import Bind, RegionName
from kairos.up import programs
from probes.trust.keys import ControlKeys, RegionKeys
from tests.fakes.pipeline import PROJECT

pytestmark = pytest.mark.slow

REGION: Final = RegionName("eu-west", "eu-west")
PASSWORD: Final = "open-sesame"
SECONDS: Final = 60.0


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Give a state directory with every key in it."""
    control_key = tmp_path / "control-key.json"
    keys.make_missing(
        secret_key=tmp_path / "secret-key", fernet_keys=tmp_path / "fernet-keys", control_key=control_key
    )
    region = RegionKeys.generate(REGION.slug, ControlKeys.load(control_key).verify_key)
    home = tmp_path / "regions" / REGION.slug
    home.mkdir(parents=True)
    region.save(home / "region-key.json")
    return tmp_path


def place(state: Path, *, database_url: str, broker_url: str) -> programs.Place:
    # As `manage.py prepare` would, which needs both to answer.
    (state / "regions" / REGION.slug / "broker-url").write_text(broker_url)
    return programs.Place(
        project=PROJECT,
        state=state,
        bind=Bind("127.0.0.1", free_port()),
        regions=(REGION,),
        database_url=database_url,
        broker_url=broker_url,
    )


def endings(*children: Child) -> dict[str, tuple[int, list[str]]]:
    """Start programs, all at once; return by name the exit status and the lines of each."""
    started = {
        child.name: subprocess.Popen(
            child.argv,
            cwd=child.directory,
            env=dict(child.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for child in children
    }
    try:
        said = {name: process.communicate(timeout=SECONDS)[0].splitlines() for name, process in started.items()}
    finally:
        for process in started.values():
            process.kill()
            process.wait()
    return {name: (process.returncode, said[name]) for name, process in started.items()}


def test_control_plane_does_not_start_without_a_database(state: Path, redis_url: str) -> None:
    port = free_port()
    away = f"postgresql://kairos:{PASSWORD}@127.0.0.1:{port}/kairos"
    ended = endings(*programs.control_plane(place(state, database_url=away, broker_url=redis_url)))
    assert ended.keys() == {"control", "beat", "web"}
    for status, lines in ended.values():
        assert status == 1
        (line,) = lines
        assert line.startswith(f"DATABASE_URL: PostgreSQL does not answer at 127.0.0.1:{port}: ")
        assert PASSWORD not in line


def test_nothing_starts_without_a_broker(state: Path, postgres_url: str) -> None:
    port = free_port()
    here = place(state, database_url=postgres_url, broker_url=f"redis://:{PASSWORD}@127.0.0.1:{port}/0")
    ended = endings(*programs.control_plane(here), *programs.edges(here))
    assert {name: status for name, (status, _) in ended.items()} == {
        "control": 1,
        "beat": 1,
        "web": 1,
        "edge-eu-west": 69,
    }
    for _, (line,) in ended.values():
        said = line.removeprefix("kairos edge: ")
        assert said.startswith(f"BROKER_URL: the broker does not answer at 127.0.0.1:{port}: ")
        assert PASSWORD not in line


def test_worker_tells_its_password_to_no_broker_whose_certificate_it_does_not_trust(state: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    heard = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def listen() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(connection, server_side=True) as client:
                        heard.extend(client.recv(1000))
                except OSError:  # the client ended it, as it should
                    connection.close()

        listening = threading.Thread(target=listen)
        listening.start()
        here = place(state, database_url="", broker_url=f"rediss://:{PASSWORD}@127.0.0.1:{port}/0")
        ended = endings(*programs.edges(here))
        listener.shutdown(socket.SHUT_RDWR)
        listening.join(5)
    status, (line,) = ended["edge-eu-west"]
    assert status == 69
    assert "CERTIFICATE_VERIFY_FAILED" in line
    assert bytes(heard) == b""
