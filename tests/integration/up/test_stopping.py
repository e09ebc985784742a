"""How a run of `manage.py up` ends, and that the next one works whatever the end was."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from kairos.up.sequence import SAME_WISH_SECONDS
from tests.fakes.up import Up, migrated_state
from tests.servers import wait_until

ARGUMENTS = ("--no-samples", "--regions", "eu-west")


def test_signal_while_starting_stops_everything(migrated: Path) -> None:
    with Up(migrated, *ARGUMENTS) as up:
        up.wait_for("starting redis")
        assert up.stop(signal.SIGTERM, seconds=10) == 0
        assert up.processes == []


def test_signal_that_make_passes_on_as_well_is_one_wish_to_stop_and_a_later_one_another(migrated: Path) -> None:
    with Up(migrated, *ARGUMENTS) as up:
        up.wait_until_ready()
        frozen = up.edge("eu-west")
        os.kill(frozen.pid, signal.SIGSTOP)
        for number in (signal.SIGTERM, signal.SIGHUP):  # two of a kind may come as one
            up.process.send_signal(number)
        up.wait_for("stopping")
        time.sleep(SAME_WISH_SECONDS + 0.2)
        assert frozen.is_running()
        assert "killing" not in up.output
        assert up.stop(signal.SIGTERM, seconds=10) == 0
        assert "killing what still runs" in up.output
        assert up.processes == []


def test_killed_run_does_not_stop_the_next_one_nor_does_a_child_that_hangs(migrated: Path) -> None:
    with Up(migrated, *ARGUMENTS) as killed:
        killed.wait_until_ready()
        orphans = psutil.Process(killed.process.pid).children(recursive=True)
        os.kill(killed.process.pid, signal.SIGKILL)
        wait_until(lambda: killed.process.poll() is not None, 5, "the kill")
        assert any(_lives(orphan) for orphan in orphans)
        with Up(migrated, *ARGUMENTS) as up:
            up.wait_until_ready()
            assert "that an earlier run has left" in up.output
            assert not any(_lives(orphan) for orphan in orphans)
            assert up.get("/healthz") == 200
            frozen = up.edge("eu-west")
            os.kill(frozen.pid, signal.SIGSTOP)
            _stop(up, signal.SIGTERM)
            assert not frozen.is_running()


@pytest.fixture(scope="module")
def stopped() -> Iterator[Up]:
    """Give a run that has been and gone, with its state."""
    with migrated_state() as state, Up(state, *ARGUMENTS) as first:
        first.wait_until_ready()
        _stop(first, signal.SIGHUP)
        yield first


def test_second_start_finds_the_old_state_keeps_the_password_to_itself_and_ends_at_ctrl_c(stopped: Up) -> None:
    state = stopped.state
    keys = {path: path.read_bytes() for path in (*state.glob("*key*"), *state.glob("regions/*/*key*"))}
    with Up(stopped.state, *ARGUMENTS) as second:
        second.wait_until_ready()
        assert len(keys) == 4
        assert {path: path.read_bytes() for path in keys} == keys
        _stop(second, signal.SIGINT)
    assert "shown this once" in stopped.output
    assert "shown this once" not in second.output


def test_stale_pid_file_does_not_stop_a_run_and_a_sigterm_does(stopped: Up) -> None:
    # As after a power cut, when the number has since been given to another program: here, to ourselves.
    pid_file = stopped.state / "postgres" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{pid_file.parent}\n0\n5432\n\n127.0.0.1\n0 0\nready\n")
    with Up(stopped.state, *ARGUMENTS) as second:
        second.wait_until_ready()
        _stop(second, signal.SIGTERM)


def _stop(up: Up, number: signal.Signals) -> None:
    """Send a signal to a run, which must end well within ten seconds, and leave neither a process nor an address."""
    running = psutil.Process(up.process.pid).children(recursive=True)
    assert {"postgres", "redis-server"} <= {process.name() for process in running}
    assert up.stop(number, seconds=10) == 0
    assert up.processes == []
    assert not any(process.is_running() for process in running)
    assert not (up.state / "database-url").exists()


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
