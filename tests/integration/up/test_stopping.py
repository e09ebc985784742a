"""How a run of `manage.py up` ends, and that the next one works whatever the end was.

A start takes a core ten seconds and more, so three runs of one state, one after the other, show all of it. Meanwhile
a region is given up and brought back.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import psutil

from kairos.up.sequence import SAME_WISH_SECONDS
from tests.fakes.up import PROJECT, Up, bare_environment
from tests.servers import wait_until

ARGUMENTS: Final = ("--no-samples", "--regions", "eu-west,us-east")


def test_signal_while_starting_stops_everything(migrated: Path) -> None:
    with Up(migrated, *ARGUMENTS) as up:
        up.wait_for("starting redis")
        assert up.stop(signal.SIGHUP, seconds=10) == 0
        assert up.processes == []


def test_whatever_the_end_of_a_run_was_the_next_one_works(migrated: Path) -> None:
    with Up(migrated, *ARGUMENTS) as first:
        first.wait_until_ready()
        assert "shown this once" in first.output
        assert _regions(first) == {"eu-west", "us-east"}
        manage(migrated, "region", "retire", "us-east")
        keys = _keys(migrated)
        assert len(keys) == 4
        orphans = psutil.Process(first.process.pid).children(recursive=True)
        os.kill(first.process.pid, signal.SIGKILL)
        wait_until(lambda: first.process.poll() is not None, 5, "the kill")
        assert any(_lives(orphan) for orphan in orphans)
        _second_run_ends_what_was_left_and_at_ctrl_c_whoever_hangs(migrated, orphans)
        assert _keys(migrated) == keys
    _third_run_takes_signals_at_one_time_for_one_wish_and_a_later_one_for_another(migrated)


def _second_run_ends_what_was_left_and_at_ctrl_c_whoever_hangs(state: Path, orphans: list[psutil.Process]) -> None:
    with Up(state, *ARGUMENTS) as up:
        up.wait_until_ready()
        assert "that an earlier run has left" in up.output
        assert not any(_lives(orphan) for orphan in orphans)
        assert "shown this once" not in up.output
        assert up.get("/healthz") == 200
        # A region that was given up gets no worker until it is brought back.
        assert "region us-east was retired, and stays so" in up.output
        assert "regions     eu-west\n" in up.output
        assert _regions(up) == {"eu-west"}
        manage(state, "region", "enroll", "us-east", "--here")

        frozen = up.edge("eu-west")
        os.kill(frozen.pid, signal.SIGSTOP)
        running = psutil.Process(up.process.pid).children(recursive=True)
        assert {"postgres", "redis-server"} <= {process.name() for process in running}
        assert up.stop(signal.SIGINT, seconds=10) == 0
        assert up.processes == []
        assert not any(process.is_running() for process in (*running, frozen))
        assert not (state / "database-url").exists()


def _third_run_takes_signals_at_one_time_for_one_wish_and_a_later_one_for_another(state: Path) -> None:
    # As after a power cut, when the number has since been given to another program: here, to ourselves.
    pid_file = state / "postgres" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{pid_file.parent}\n0\n5432\n\n127.0.0.1\n0 0\nready\n")
    with Up(state, *ARGUMENTS) as up:
        up.wait_until_ready()
        assert _regions(up) == {"eu-west", "us-east"}
        frozen = up.edge("eu-west")
        os.kill(frozen.pid, signal.SIGSTOP)
        for number in (signal.SIGTERM, signal.SIGHUP):  # as make passes one on; two of a kind may come as one
            up.process.send_signal(number)
        up.wait_for("stopping")
        time.sleep(SAME_WISH_SECONDS + 0.2)
        assert frozen.is_running()
        assert "killing" not in up.output
        assert up.stop(signal.SIGTERM, seconds=10) == 0
        assert "killing what still runs" in up.output
        assert up.processes == []


def manage(state: Path, *words: str) -> None:
    """Run a command on a state directory, beside a run."""
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=PROJECT,
        env=bare_environment({"KAIROS_STATE_DIR": str(state)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _regions(up: Up) -> set[str]:
    """Return the regions that have a worker."""
    environments = (process.environ() for process in psutil.Process(up.process.pid).children())
    return {environment["KAIROS_REGION"] for environment in environments if "KAIROS_REGION" in environment}


def _keys(state: Path) -> dict[Path, bytes]:
    """Return the keys of the control plane and of the region that stays."""
    return {path: path.read_bytes() for path in (*state.glob("*key*"), *state.glob("regions/eu-west/*key*"))}


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
