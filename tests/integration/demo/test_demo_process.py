"""`python -m kairos.demo`, as `manage.py up --demo` runs it."""

import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from kairos.demo.certificates import authority

SECONDS = 20


@contextmanager
def running(state: Path, *options: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Start the process; the value is it and the origin that its ready line names, by address."""
    command = [sys.executable, "-m", "kairos.demo", "--state-dir", str(state), "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.startswith("demo registry ready: https://registry.kairos.test:"), line
            port = line.split(":")[3].partition("/")[0]
            yield process, f"https://{line.split()[-1]}:{port}"
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_when_it_is_ready_and_stops_when_told(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path, "--bench-images", "3", "--regions", "fra, iad") as (process, origin):
        trust = ssl.create_default_context(cadata=authority(tmp_path).pem)
        with httpx.Client(verify=trust, trust_env=False) as client:
            assert client.get(f"{origin}/v2/bench/image-0003/manifests/1").status_code == 401
            process.send_signal(number)
            output, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, output, errors) == (0, "", "")


def test_a_taken_port_is_one_line_that_names_it(tmp_path: Path) -> None:
    with running(tmp_path) as (_, origin):
        port = origin.rpartition(":")[2]
        command = [sys.executable, "-m", "kairos.demo", "--state-dir", str(tmp_path), "--port", port]
        second = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert second.returncode == 1
    assert second.stdout == ""
    (line,) = second.stderr.splitlines()
    assert line.startswith("demo registry: ")
    assert port in line


def test_a_state_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "kairos.demo", "--state-dir", str(tmp_path / "file" / "demo"), "--port", "0"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)
