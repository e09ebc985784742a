"""A PostgreSQL with every migration in it, made once for a state of the migrations and copied from then on.

To migrate from nothing takes ten seconds of a core, and each process of a run would do it for itself.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from kairos.embedded import free_port
from kairos.embedded.postgres import DATABASE, PostgresServer
from tests.servers import PASSWORD, running

ROOT: Final = Path(__file__).parents[1]
KEPT: Final = ROOT / ".pytest_cache" / "clusters"
TEST_DATABASE: Final = f"test_{DATABASE}"
"""As Django names it. It is there beside the one that `manage.py` would use, and like it."""


def lay_out(data: Path) -> None:
    """Copy the cluster to where there is none yet; its password is `PASSWORD`.

    Processes that come at the same time wait for the first. Raises `CalledProcessError` where the migrations fail.
    """
    KEPT.mkdir(parents=True, exist_ok=True)
    kept = KEPT / _state()
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            _make(kept)
        data.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", kept, data], check=True)


def _state() -> str:
    """Return a name for all that the migrations do: their texts, and the libraries that have some of their own."""
    texts = hashlib.sha256((ROOT / "requirements-dev.txt").read_bytes())
    for file in sorted(ROOT.glob("*/migrations/*.py")):
        texts.update(file.read_bytes())
    return texts.hexdigest()[:16]


def _make(kept: Path) -> None:
    """Make the cluster elsewhere and move it: who is killed meanwhile leaves nothing that looks whole."""
    with tempfile.TemporaryDirectory(prefix="kairos-tests-") as folder:
        Path(folder).chmod(0o711)  # as root, PostgreSQL runs as another user and must get in
        server = PostgresServer.at(Path(folder), port=free_port(), password=PASSWORD, durable=False)
        server.prepare()
        with running(server.child(), is_ready=server.is_ready):
            migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
            subprocess.run(migrate, cwd=ROOT, env={**os.environ, "DATABASE_URL": server.url}, check=True)
            with psycopg.connect(server.url_of("postgres"), autocommit=True) as connection:
                names = map(sql.Identifier, (TEST_DATABASE, DATABASE))
                connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        for former in KEPT.iterdir():
            if former.is_dir():
                shutil.rmtree(former)
        unfinished = KEPT / "unfinished"
        subprocess.run(["cp", "-a", server.data, unfinished], check=True)
    unfinished.rename(kept)
