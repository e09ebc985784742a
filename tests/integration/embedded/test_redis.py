"""The embedded Redis, and which one is chosen."""

from pathlib import Path

import pytest
import redis

from kairos import embedded
from kairos.embedded import Unavailable, free_port
from kairos.embedded.redis import RedisServer, find_binary, version
from tests.servers import running


def server_on_path(directory: Path, name: str, says: str) -> Path:
    directory.mkdir(exist_ok=True)
    binary = directory / name
    binary.write_text(f"#!/bin/sh\necho '{says}'\n")
    binary.chmod(0o755)
    return binary


def test_data_and_password_survive_a_restart(tmp_path: Path) -> None:
    server = RedisServer(binary=find_binary(), directory=tmp_path / "redis", port=free_port(), password="p")
    for run in range(2):
        server.prepare()
        with running(server.child(), is_ready=server.is_ready), redis.Redis.from_url(server.url) as client:
            assert client.lpush("queue", run) == run + 1


def test_stranger_is_refused(tmp_path: Path) -> None:
    server = RedisServer(binary=find_binary(), directory=tmp_path / "redis", port=free_port(), password="p")
    server.prepare()
    with (
        running(server.child(), is_ready=server.is_ready),
        redis.Redis(port=server.port) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


@pytest.mark.parametrize(
    ("says", "known_as"),
    [
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1", (7, 0)),
        ("Valkey server v=8.1.0 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1", (8, 1)),
        ("something else", (0, 0)),
    ],
)
def test_version_is_read(tmp_path: Path, says: str, known_as: tuple[int, int]) -> None:
    assert version(server_on_path(tmp_path, "redis-server", says)) == known_as


def test_seven_on_path_is_preferred_to_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = server_on_path(tmp_path / "old", "valkey-server", "Valkey server v=6.9.0 x")
    new = server_on_path(tmp_path / "new", "redis-server", "Redis server v=7.2.0 x")
    monkeypatch.setenv("PATH", f"{old.parent}:{new.parent}:/bin")
    assert find_binary() == new


def test_older_one_serves_where_there_is_no_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kairos.embedded.redis.wheel_file", lambda *_: None)
    old = server_on_path(tmp_path / "old", "redis-server", "Redis server v=6.2.7 x")
    monkeypatch.setenv("PATH", f"{old.parent}:/bin")
    assert find_binary() == old


def test_none_at_all_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kairos.embedded.redis.wheel_file", lambda *_: None)
    too_old = server_on_path(tmp_path / "old", "redis-server", "Redis server v=5.0.3 x")
    monkeypatch.setenv("PATH", f"{too_old.parent}:/bin")
    with pytest.raises(Unavailable, match=r"no Redis: .* install one, or set BROKER_URL$"):
        find_binary()


def test_package_that_is_not_installed_has_no_file() -> None:
    assert embedded.wheel_file("no_such_package", "bin", "server") is None
