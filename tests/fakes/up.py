"""`manage.py up` as a person runs it: a process of its own, its lines, its signals and what it leaves behind."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final, Self

import psutil

from kairos.embedded import free_port
from kairos.up import leftovers
from tests.fakes import migrated
from tests.servers import wait_until

PROJECT: Final = Path(__file__).resolve().parents[2]
READY_SECONDS: Final = 120.0


class Up:
    """One run. Leaving the block stops it, whatever state it is in, and everything that it has started."""

    def __init__(self, state: Path, *arguments: str, port: int | None = None, **environment: str) -> None:
        self.state = state
        self.port = port or free_port()
        self.lines: list[str] = []
        self._arguments = ("up", "--state-dir", str(state), "--bind", f"127.0.0.1:{self.port}", *arguments)
        # The machine may reach nothing beyond itself. The demonstration has a canary of its own.
        quiet = {} if "--demo" in arguments else {"KAIROS_EDGE_CANARIES": ""}
        self._environment = {**quiet, **environment}

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", *self._arguments],
            cwd=PROJECT,
            env=bare_environment(self._environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        leftovers.end(leftovers.find(self.state))
        self._reader.join(10)

    @property
    def output(self) -> str:
        return "".join(self.lines)

    @property
    def processes(self) -> list[psutil.Process]:
        """Everything of this run that lives, by its mark and by the state directory on a command line."""
        named = [process for process in psutil.process_iter() if str(self.state) in _command_line(process)]
        return list({process.pid: process for process in (*leftovers.find(self.state), *named)}.values())

    def child(self, *words: str) -> psutil.Process:
        """Return the one process just below ours with all of these words on its command line."""
        children = psutil.Process(self.process.pid).children()
        (found,) = [child for child in children if all(word in _command_line(child) for word in words)]
        return found

    def edge(self, region: str) -> psutil.Process:
        children = psutil.Process(self.process.pid).children()
        edges = [child for child in children if "probes.edge" in _command_line(child)]
        (found,) = [child for child in edges if child.environ().get("KAIROS_REGION") == region]
        return found

    def wait_until_ready(self) -> None:
        self.wait_for("Kairos is up.")

    def wait_for(self, text: str, seconds: float = READY_SECONDS) -> None:
        """Wait for text in the output. Raises AssertionError with all of it when it does not come."""
        with contextlib.suppress(RuntimeError):
            wait_until(lambda: text in self.output or self.process.poll() is not None, seconds, text)
        if self.process.poll() is not None:
            self._reader.join(5)  # its last lines
        assert text in self.output, self.output

    def get(self, path: str) -> int:
        return status_of(f"http://127.0.0.1:{self.port}{path}")

    def stop(self, number: signal.Signals, seconds: float) -> int:
        """Send a signal and return the exit status. Raises subprocess.TimeoutExpired."""
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            self.lines.extend(stdout)


def status_of(url: str) -> int:
    """Return the status of a GET, 0 where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own address
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


def unready_parts(url: str) -> list[str]:
    """Return the parts that `/readyz` at this URL finds not ready, each with its word on it; none when all are."""
    try:
        with urllib.request.urlopen(url, timeout=10):  # noqa: S310 - our own address
            return []
    except urllib.error.HTTPError as error:
        with error:
            said = json.load(error) if error.code == HTTPStatus.SERVICE_UNAVAILABLE else {}
        parts: dict[str, str] = said.get("parts", {"status": str(error.code)})
        return [f"{part}: {state}" for part, state in parts.items() if state != "ok"]
    except OSError as error:
        return [f"web: {error}"]


@contextmanager
def state_directory() -> Iterator[Path]:
    """Give a state directory that PostgreSQL's user can enter as well when the tests run as root."""
    parent = Path(tempfile.mkdtemp(prefix="kairos-up-"))
    parent.chmod(0o711)
    try:
        yield parent / "state"
    finally:
        shutil.rmtree(parent, ignore_errors=True)


@contextmanager
def migrated_state() -> Iterator[Path]:
    """Give a state directory in which there is nothing but a database, with all migrations in it."""
    with state_directory() as state:
        migrated.lay_out(state)
        yield state


def run_to_end(state: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py up` where it is expected to refuse."""
    return subprocess.run(
        [sys.executable, "manage.py", "up", "--state-dir", str(state), *arguments],
        cwd=PROJECT,
        env=bare_environment(environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def bare_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return our environment without the session's servers, which `up` would take for the operator's."""
    ours = ("DATABASE_URL", "BROKER_URL", "DJANGO_SETTINGS_MODULE")
    kept = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("KAIROS_")}
    return {**kept, **more}


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
