"""The embedded PostgreSQL, where it is not as easy as usual."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from kairos.child import Account
from kairos.embedded import Unavailable, free_port
from kairos.embedded.postgres import PostgresServer
from tests.servers import running


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """Give a directory that every user can enter, which pytest's own are not."""
    path = Path(tempfile.mkdtemp(prefix="kairos-postgres-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


def answer(server: PostgresServer) -> object:
    server.prepare()
    with running(server.child(), is_ready=server.is_ready), psycopg.connect(server.url) as connection:
        return connection.execute("SELECT 42, current_database()").fetchone()


def test_server_answers_in_a_deep_directory_with_spaces(open_directory: Path) -> None:
    # Longer than any Unix socket's path may be.
    deep = open_directory.joinpath(*["a directory with a long name"] * 8)
    server = PostgresServer.at(deep, port=free_port(), password="open sesame/?#", durable=False)
    assert answer(server) == (42, "kairos")
    assert server.data == deep / "postgres"


def test_other_users_need_the_password(open_directory: Path) -> None:
    server = PostgresServer.at(open_directory, port=free_port(), password="right", durable=False)
    server.prepare()
    with running(server.child(), is_ready=server.is_ready):
        wrong = server.url.replace("right", "wrong")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)
    assert server.data.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become another user")
def test_root_places_elsewhere_what_its_other_user_cannot_reach(
    open_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Account, "can_enter", lambda _account, _directory: False)
    closed = tmp_path / "home of root"
    modes = {path: path.stat().st_mode for path in closed.parents}
    server = PostgresServer.at(closed, port=free_port(), password="p", durable=False, root_home=open_directory)
    assert server.data.is_relative_to(open_directory)
    assert server.binaries.is_relative_to(open_directory)
    assert answer(server) == (42, "kairos")
    assert {path: path.stat().st_mode for path in closed.parents} == modes


def test_data_of_another_version_is_refused_and_kept(open_directory: Path) -> None:
    server = PostgresServer.at(open_directory, port=free_port(), password="p")
    server.data.mkdir()
    version = server.data / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(Unavailable, match="was made by PostgreSQL 17 and this one is 18"):
        server.prepare()
    assert version.read_text() == "17\n"


def test_cluster_that_was_cut_short_is_made_anew(open_directory: Path) -> None:
    server = PostgresServer.at(open_directory, port=free_port(), password="p", durable=False)
    (server.data / "base").mkdir(parents=True)
    assert answer(server) == (42, "kairos")
