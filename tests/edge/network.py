"""Hosts on networks of their own, and a router between them: network namespaces, joined by veth pairs.

    with Network() as network:
        region = network.add("eu-west")
        subprocess.run(region.command("ping", "-c1", network.add("control").address))
        region.unplug()

Nothing leaves this machine: the router knows no way but to its hosts. Everything is named after this process, and
gone when the block ends; what a process that was killed has left is removed by the next that makes a network.
"""

import ctypes
import itertools
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

import psutil

PROGRAMS: Final = ("ip", "tc", "iptables")
_PREFIX: Final = "kairos-lab"
_NAMESPACES: Final = Path("/run/netns")
_FILES: Final = Path("/etc/netns")  # `ip netns exec` lays what is in here over /etc
_PORT: Final = "eth0"
_NUMBERS: Final = itertools.count()
_CARRIER_SECONDS: Final = 10
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def missing() -> str:
    """Return why there can be no network on this machine, or nothing."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"needs {', '.join(absent)} (Debian: iproute2, iptables)"
    try:
        with Network() as network:
            network.add("a").drop("192.0.2.1")
    except NetworkUnavailable as error:
        return str(error)
    return ""


class NetworkUnavailable(Exception):
    """The kernel refused. The message is the command and what it said."""


class Host:
    """One machine, with one port to the router. `address` is its first, `other_address` one that it may move to."""

    def __init__(self, namespace: str, router: str, number: int) -> None:
        self.namespace = namespace
        self._router = router
        self._port_there = f"to{number}"
        self._gateway = f"10.77.{number}.1"
        self.address = f"10.77.{number}.2"
        self.other_address = f"10.77.{number}.3"

    def command(self, *argv: str) -> tuple[str, ...]:
        """Return the command that runs `argv` on this host, in the process that it is started as."""
        return ("ip", "netns", "exec", self.namespace, *argv)

    def know(self, names: Mapping[str, str]) -> None:
        """Have programs on this host find these names at these addresses; also those that run already."""
        # In place: each of them has this very file mounted.
        lines = {"localhost": "127.0.0.1", **names}
        (_FILES / self.namespace / "hosts").write_text(
            "".join(f"{address} {name}\n" for name, address in lines.items()), encoding="ascii"
        )

    def unplug(self) -> None:
        """Pull the cable: the port has no carrier."""
        _ip("-n", self._router, "link", "set", self._port_there, "down")

    def plug_in(self) -> None:
        """Put the cable back. Returns once the port has its carrier again, which the kernel tells a moment later."""
        _ip("-n", self._router, "link", "set", self._port_there, "up")
        until = time.monotonic() + _CARRIER_SECONDS
        while "LOWER_UP" not in _ip("-n", self.namespace, "-o", "link", "show", "dev", _PORT):
            if time.monotonic() > until:
                raise NetworkUnavailable(f"{self.namespace} has no carrier after {_CARRIER_SECONDS} s")
            time.sleep(0.02)
        # That nobody answered while it was out is not remembered: programs would be told so without being sent.
        _ip("-n", self._router, "neighbour", "flush", "dev", self._port_there)
        _ip("-n", self.namespace, "neighbour", "flush", "dev", _PORT)

    def move_to(self, address: str, *, leave: str) -> None:
        """Take another address of the host's network, and no longer answer at the one it leaves."""
        _ip("-n", self.namespace, "address", "del", f"{leave}/24", "dev", _PORT)
        _ip("-n", self.namespace, "address", "add", f"{address}/24", "dev", _PORT)
        # The way out went with the only address in its network.
        _ip("-n", self.namespace, "route", "replace", "default", "via", self._gateway)
        # What a host that comes to an address does by announcing itself.
        _ip("-n", self._router, "neighbour", "flush", "dev", self._port_there)

    def drop(self, address: str) -> None:
        """Lose every packet to and from an address, without a word to either side."""
        self._firewall("-A", "OUTPUT", "-d", address, "-j", "DROP")
        self._firewall("-A", "INPUT", "-s", address, "-j", "DROP")

    def drop_all_but(self, address: str) -> None:
        """Lose every packet but those to and from an address."""
        self._firewall("-A", "OUTPUT", "-o", _PORT, "!", "-d", address, "-j", "DROP")
        self._firewall("-A", "INPUT", "-i", _PORT, "!", "-s", address, "-j", "DROP")

    def forget_connections(self, address: str) -> int:
        """Lose the packets of the connections to an address that are open now, for good; return how many there are.

        What is opened later passes. It is what a translator (NAT) does that was restarted.
        """
        ports = self._local_ports(address)
        for port in ports:
            self._firewall("-A", "OUTPUT", "-d", address, "-p", "tcp", "--sport", str(port), "-j", "DROP")
            self._firewall("-A", "INPUT", "-s", address, "-p", "tcp", "--dport", str(port), "-j", "DROP")
        return len(ports)

    def pass_all(self) -> None:
        """Undo every loss of packets."""
        self._firewall("-F")

    def slow_down(self, rate: str) -> None:
        """Let so much through in each direction, as `64kbit`; what waits longer than two seconds for that is lost."""
        for namespace, port in ((self.namespace, _PORT), (self._router, self._port_there)):
            bucket = ("tbf", "rate", rate, "burst", "4kb", "latency", "2s")
            _run("tc", "-n", namespace, "qdisc", "replace", "dev", port, "root", *bucket)

    def speed_up(self) -> None:
        for namespace, port in ((self.namespace, _PORT), (self._router, self._port_there)):
            _run("tc", "-n", namespace, "qdisc", "del", "dev", port, "root")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be on this host with this thread: sockets that it makes, threads and processes that it starts are there."""
        with _entered(self.namespace):
            yield

    def _local_ports(self, address: str) -> list[int]:
        told = _run(*self.command("ss", "--no-header", "--tcp", "--numeric", "dst", address))
        return [int(line.split()[3].rpartition(":")[2]) for line in told.splitlines()]

    def _firewall(self, *words: str) -> None:
        _run(*self.command("iptables", "--wait", "10", *words))


class Network:
    """A context manager. What still runs on its hosts when it ends is killed."""

    def __init__(self) -> None:
        self._prefix = f"{_PREFIX}-{os.getpid()}-{next(_NUMBERS)}-"
        self._router = f"{self._prefix}router"
        self.hosts: dict[str, Host] = {}

    def add(self, name: str) -> Host:
        number = len(self.hosts)
        self.hosts[name] = host = Host(f"{self._prefix}{name}", self._router, number)
        (_FILES / host.namespace).mkdir(parents=True)
        host.know({})
        _add_namespace(host.namespace)
        there, here = (self._router, f"to{number}"), (host.namespace, _PORT)
        _ip("link", "add", there[1], "netns", there[0], "type", "veth", "peer", "name", here[1], "netns", here[0])
        for (namespace, port), address in ((there, f"10.77.{number}.1"), (here, host.address)):
            _ip("-n", namespace, "address", "add", f"{address}/24", "dev", port)
            _ip("-n", namespace, "link", "set", port, "up")
        _ip("-n", host.namespace, "route", "add", "default", "via", f"10.77.{number}.1")
        return host

    def know(self, names: Mapping[str, str]) -> None:
        """Have programs on all hosts find these names."""
        for host in self.hosts.values():
            host.know(names)

    def __enter__(self) -> Self:
        remove_remains()
        try:
            _add_namespace(self._router)
            with _entered(self._router):
                Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")
        except BaseException:
            _remove(self._prefix)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        _remove(self._prefix)


def remains(pid: int) -> list[str]:
    """Return what is left of the network of a process."""
    return [name for name in _ours() if name.startswith(f"{_PREFIX}-{pid}-")]


def remove_remains() -> None:
    """Remove the networks of processes that are no more, and kill what runs there."""
    for pid in {name.split("-")[2] for name in _ours()}:
        if not psutil.pid_exists(int(pid)):
            _remove(f"{_PREFIX}-{pid}-")


def _ours() -> list[str]:
    places = [place for place in (_NAMESPACES, _FILES) if place.is_dir()]
    return sorted({path.name for place in places for path in place.glob(f"{_PREFIX}-*-*")})


def _remove(prefix: str) -> None:
    for name in _ours():
        if name.startswith(prefix):
            with suppress(NetworkUnavailable):
                _kill_all_on(name)
                _ip("netns", "del", name)
            shutil.rmtree(_FILES / name, ignore_errors=True)
    with suppress(OSError):
        _FILES.rmdir()  # unless somebody else has something in it


def _kill_all_on(namespace: str) -> None:
    for pid in map(int, _ip("netns", "pids", namespace).split()):
        if pid != os.getpid():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _add_namespace(name: str) -> None:
    _ip("netns", "add", name)
    _ip("-n", name, "link", "set", "lo", "up")


@contextmanager
def _entered(namespace: str) -> Iterator[None]:
    with Path("/proc/thread-self/ns/net").open("rb") as before:
        with (_NAMESPACES / namespace).open("rb") as there:
            _set_namespace(there.fileno())
        try:
            yield
        finally:
            _set_namespace(before.fileno())


def _set_namespace(descriptor: int) -> None:
    if _LIBC.setns(descriptor, 0x40000000) != 0:  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*words: str) -> str:
    return _run("ip", *words)


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise NetworkUnavailable(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")
    return done.stdout
