"""Processes that an earlier run has left behind, when it was killed before it could stop them.

Every child carries its state directory in its environment, and so does everything that it starts. That mark, read
from the system's process table, is what is gone by: a number in a file may since belong to somebody else.
"""

import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

VARIABLE: Final = "KAIROS_UP"
STOP_SECONDS: Final = 4.0
KILL_SECONDS: Final = 2.0


def mark(state_directory: Path) -> Mapping[str, str]:
    """Return what a child's environment must have to be found again."""
    return {VARIABLE: str(state_directory)}


def find(state_directory: Path) -> list[psutil.Process]:
    """Return every living process of this state directory except this one."""
    return [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid() and _marked_with(process) == str(state_directory)
    ]


def end(processes: list[psutil.Process]) -> None:
    """Ask processes to stop, and kill those that do not."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            # To PostgreSQL, SIGTERM means to wait for its clients.
            process.send_signal(signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
    _, stubborn = psutil.wait_procs(processes, timeout=STOP_SECONDS)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=KILL_SECONDS)


def _marked_with(process: psutil.Process) -> str | None:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:  # dead; only its parent can remove it
            return None
        return process.environ().get(VARIABLE)
    except (psutil.Error, OSError):
        return None  # gone, or somebody else's: ours can be read by us
