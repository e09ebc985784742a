"""The hosts that faults are shown on: what is cut is cut without a word, and nothing is left behind."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.edge import clocks, network
from tests.edge.clocks import Clock
from tests.edge.network import Host, Network
from tests.servers import wait_until

ASK = """
import socket, sys
with socket.create_connection((sys.argv[1], 7000), timeout=2) as connection:
    print(connection.recv(5).decode())
"""
STAY = "import sys, time; from tests.edge.network import Network\nwith Network() as n: {}"


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts, of which the second says hello to whoever connects to it by the name `there`."""
    if why := network.missing():
        pytest.skip(why)
    with Network() as made:
        here, there = made.add("here"), made.add("there")
        made.know({"there": there.address})
        with there.entered():
            server = socket.create_server(("0.0.0.0", 7000))  # noqa: S104 - of its own network
        threading.Thread(target=_say_hello, args=(server,), daemon=True).start()
        yield here, there
        server.close()


def test_hosts_reach_each_other_by_name(hosts: tuple[Host, Host]) -> None:
    assert ask(hosts[0]) == "hello"


def test_unplugged_host_reaches_nobody_until_it_is_plugged_in(hosts: tuple[Host, Host]) -> None:
    here, _ = hosts
    here.unplug()
    assert ask(here) != "hello"
    here.plug_in()
    assert ask(here) == "hello"


def test_dropped_packets_are_answered_by_silence(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    here.drop(there.address)
    assert ask(here) == "TimeoutError: timed out"
    here.pass_all()
    assert ask(here) == "hello"


def test_host_that_moved_is_found_by_its_name(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    there.move_to(there.other_address, leave=there.address)
    assert ask(here) != "hello"
    here.know({"there": there.other_address})
    assert ask(here) == "hello"
    there.move_to(there.address, leave=there.other_address)
    here.know({"there": there.address})
    assert ask(here) == "hello"


def test_clock_is_set_for_what_runs_by_it_and_durations_stay_true(
    hosts: tuple[Host, Host], tmp_path_factory: pytest.TempPathFactory
) -> None:
    if why := clocks.missing():
        pytest.skip(why)
    clock = Clock(tmp_path_factory.mktemp("clock") / "clock")
    clock.set(-300)
    told = run(hosts[0], *clock.command(sys.executable, "-c", "import time; print(time.time(), time.monotonic())"))
    time_of_day, monotonic = map(float, told.split())
    assert time_of_day - time.time() == pytest.approx(-300, abs=30)
    assert monotonic - time.monotonic() == pytest.approx(0, abs=30)


def test_network_whose_process_ends_in_an_error_is_gone(hosts: tuple[Host, Host]) -> None:
    process = subprocess.Popen([sys.executable, "-c", STAY.format("n.add('a'); 1 / 0")], stderr=subprocess.DEVNULL)
    assert process.wait() == 1
    assert network.remains(process.pid) == []


def test_network_whose_process_was_killed_is_removed_by_the_next(hosts: tuple[Host, Host]) -> None:
    """With what still runs on its hosts."""
    sleeper = "sh", "-c", "echo $$; exec sleep 60"  # which is on its host by the time that it tells its number
    script = STAY.format(f"import subprocess; subprocess.Popen(n.add('a').command(*{sleeper})); time.sleep(60)")
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        orphan = int(process.stdout.readline())
        process.kill()
    assert network.remains(process.pid)
    with Network():
        assert network.remains(process.pid) == []
    wait_until(lambda: not is_running(orphan), 5, "the orphan to end")


def ask(host: Host) -> str:
    """Connect to `there`; return what it says, or the error."""
    return run(host, sys.executable, "-c", ASK, "there")


def run(host: Host, *argv: str) -> str:
    done = subprocess.run(host.command(*argv), capture_output=True, text=True, timeout=20, check=False)
    return (done.stdout or done.stderr).strip().splitlines()[-1]


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _say_hello(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.sendall(b"hello")
