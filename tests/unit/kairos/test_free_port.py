"""A port for a server that is yet to start is one that nobody takes meanwhile."""

import random
import secrets
import socket
from collections.abc import Iterator

import pytest

from kairos.embedded import free_port

UNGIVEN = range(20_000, 32_768)
"""Linux gives out ports from 32768 on for connections out; others begin later still."""


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_port_is_none_that_the_system_gives_to_connections() -> None:
    assert {free_port() for _ in range(50)} <= {*UNGIVEN}


def test_processes_with_the_same_seed_take_different_ports() -> None:
    """pytest-randomly seeds `random` alike before each test, in every process that shares them out."""
    ports = set()
    for _ in range(5):
        random.seed(7)
        ports.add(free_port())
    assert len(ports) > 1


def test_port_that_is_taken_is_passed_over(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    free = free_port()
    chosen = iter((taken, taken, free))
    monkeypatch.setattr(secrets, "choice", lambda _: next(chosen))
    assert free_port() == free


def test_where_all_are_taken_the_system_chooses(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    monkeypatch.setattr(secrets, "choice", lambda _: taken)
    port = free_port()
    assert port not in (0, taken)
    socket.create_server(("127.0.0.1", port)).close()
