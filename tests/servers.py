"""Real PostgreSQL and Redis for one test session: the same embedded servers that `manage.py up` runs.

Their addresses are chosen, and put into the environment, before Django reads its settings; the servers start when
the first test asks for one, so that a run of the pure tests pays nothing.
"""

import http.client
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import psutil

from kairos import keys
from kairos.child import Child
from kairos.embedded import free_port
from kairos.embedded.postgres import PostgresServer
from kairos.embedded.redis import RedisServer, find_binary

START_SECONDS: Final = 30.0
PASSWORD: Final = "for-tests-only"


class SessionServers:
    """Two servers in one temporary directory. `environment` names them whether they run yet or not."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="kairos-tests-"))
        # As root, PostgreSQL runs as another user and must get in.
        self.directory.chmod(0o711)
        self.postgres = PostgresServer.at(self.directory, port=free_port(), password=PASSWORD, durable=False)
        self.redis = RedisServer(
            binary=find_binary(), directory=self.directory / "redis", port=free_port(), password=PASSWORD
        )

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "DATABASE_URL": self.postgres.url,
            "BROKER_URL": self.redis.url,
            "KAIROS_STATE_DIR": str(self.directory / "state"),
        }

    def make_keys(self) -> None:
        state = self.directory / "state"
        keys.make_missing(
            secret_key=state / "secret-key",
            fernet_keys=state / "fernet-keys",
            control_key=state / "control-key.json",
        )

    def remove(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


def spawn(child: Child, output: IO[bytes] | int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """Start a child in a process group of its own, with what it says going to `output`."""
    account = child.account
    return subprocess.Popen(
        child.argv,
        cwd=child.directory,
        env=dict(child.environment),
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=() if account else None,
    )


@contextmanager
def running(
    child: Child, *, is_ready: Callable[[], bool], output: IO[bytes] | int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a child until the block ends; enter the block when it answers. Raises RuntimeError if it never does."""
    process = spawn(child, output)
    try:
        wait_until(is_ready, START_SECONDS, f"{child.name} to answer", alive=process)
        yield process
    finally:
        process.send_signal(child.stop_signal)
        try:
            process.wait(child.stop_seconds + 5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def is_served(port: int) -> bool:
    """Tell whether a web server of ours answers there, for `running`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def wait_until(
    holds: Callable[[], bool],
    seconds: float,
    what: str,
    *,
    alive: subprocess.Popen[bytes] | psutil.Popen | None = None,
) -> None:
    """Wait for a condition. Raises RuntimeError after `seconds`, or as soon as `alive` is not.

    It is looked for less and less often, up to a twentieth of the time too late: a look may be a request or a query.
    """
    began = time.monotonic()
    deadline = began + seconds
    while not holds():
        if alive is not None and alive.poll() is not None:
            raise RuntimeError(f"waited for {what}: it ended with status {alive.returncode}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {seconds:.0f} s for {what}")
        time.sleep(min(max(0.05, (time.monotonic() - began) / 20), 0.5))
