"""A PostgreSQL with every migration in it, for runs that do not test their first start.

To migrate from nothing is half the work of a first start. It is done once in a process, and copied from then on.
"""

import functools
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from kairos.embedded import free_port
from kairos.embedded.postgres import PostgresServer
from kairos.keys import write_private
from tests.servers import PASSWORD, running

PROJECT: Final = Path(__file__).resolve().parents[2]


def lay_out(state: Path) -> None:
    """Put the cluster into a state directory that is not there yet, and nothing else: no key, no user, no region."""
    state.mkdir(mode=0o711)
    write_private(state / "postgres-password", PASSWORD)
    data = PostgresServer.at(state, port=0, password=PASSWORD).data
    data.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", _original(), data], check=True)


@functools.cache
def _original() -> Path:
    """Make the cluster beside the session's servers, with which it is removed; return its directory."""
    directory = Path(os.environ["KAIROS_STATE_DIR"]).parent / "migrated"
    server = PostgresServer.at(directory, port=free_port(), password=PASSWORD, durable=False)
    server.prepare()
    with running(server.child(), is_ready=server.is_ready):
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, cwd=PROJECT, env={**os.environ, "DATABASE_URL": server.url}, check=True)
    return server.data
