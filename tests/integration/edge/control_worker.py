"""The worker of `control_app` as a process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.edge.region import ROOT


@contextmanager
def control_worker(log_file: Path, **environment: str) -> Iterator[None]:
    """Run a control worker; it must outlive the block."""
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [
                *(
                    sys.executable,
                    "-W",
                    "ignore",
                    "-m",
                    "celery",
                    "-A",
                    "tests.integration.edge.control_app",
                    "worker",
                ),
                *("-P", "prefork", "-c", "1", "-Q", "control,results"),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            ],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield
            assert process.poll() is None, log_file.read_text(encoding="utf-8", errors="replace")
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
