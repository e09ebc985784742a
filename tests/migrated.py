"""The test database, migrated once for a state of the migrations, and copied with its cluster from then on.

Migrating takes ten seconds of a core, and each process of a run would do it for itself.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import psycopg

from kairos.embedded.postgres import PostgresServer
from tests.servers import SessionServers, running

ROOT: Final = Path(__file__).parents[1]
DATABASE: Final = "test_kairos"
"""As Django names the test database of `kairos`."""


def copy_migrated(servers: SessionServers, kept_in: Path) -> None:
    """Give a session's PostgreSQL the migrated test database, from `kept_in`, or made and put there.

    Processes that come at the same time wait for the first. What was kept of an earlier state is removed. Raises
    `CalledProcessError` where the migrations fail.
    """
    kept = kept_in / _state()
    with (kept_in / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            for former in kept_in.glob("*-migrated"):
                shutil.rmtree(former)
            _make(servers, kept)
        _copy(kept, servers.postgres)


def _state() -> str:
    """Return a name for all that the migrations do: their texts, and the libraries that have some of their own."""
    texts = hashlib.sha256((ROOT / "requirements-dev.txt").read_bytes())
    for file in sorted(ROOT.glob("*/migrations/*.py")):
        texts.update(file.read_bytes())
    return f"{texts.hexdigest()[:16]}-migrated"


def _make(servers: SessionServers, kept: Path) -> None:
    made = replace(servers.postgres, data=servers.postgres.data.with_name("making"))
    made.prepare()
    with running(made.child(), is_ready=made.is_ready):
        with psycopg.connect(made.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity=0"],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "kairos.settings", "DATABASE_URL": made.url_of(DATABASE)},
            check=True,
        )
    # Copied and renamed: who is killed meanwhile leaves nothing that looks whole.
    unfinished = kept.with_name("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(made.data, unfinished)
    unfinished.rename(kept)
    shutil.rmtree(made.data)


def _copy(kept: Path, postgres: PostgresServer) -> None:
    shutil.copytree(kept, postgres.data, ignore=shutil.ignore_patterns("postmaster.*"))
    postgres.data.chmod(0o700)
    if postgres.account is not None:
        for directory, _, files in os.walk(postgres.data):
            for name in (directory, *(os.path.join(directory, file) for file in files)):  # noqa: PTH118 - thousands
                os.chown(name, postgres.account.uid, postgres.account.gid)
