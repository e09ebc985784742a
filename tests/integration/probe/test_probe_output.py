"""Where `manage.py probe` writes to: a reader that leaves, a full disk, a terminal of few letters."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.probe.conftest import ROOT


def test_a_reader_that_leaves_is_no_verdict() -> None:
    command = (
        f"{sys.executable} manage.py probe --count=3 --interval=0.01 quay.io/Team/app | true; exit ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_full_disk_is_no_verdict() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "manage.py", "probe", "quay.io/Team/app"],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "CommandError: the outcome could not be written: No space left on device\n"


def test_terminal_without_our_marks_gets_the_verdict_all_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "probe", "quay.io/Team/app"],
        cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert b"? config_error ? 0 requests" in done.stdout
    assert (done.returncode, done.stderr) == (5, b"")
