"""A world of misbehaving hosts, and the engine that checks images in it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import trustme

from probes.wire.driver import Engine
from probes.wire.limits import Limits
from tests.fakes.fake_registry import World
from tests.integration.wire.conftest import authority, boarded, dialled

__all__ = ["authority", "boarded", "dialled", "engine", "world"]


@pytest.fixture
async def world(authority: trustme.CA) -> AsyncIterator[World]:
    """Hosts that run, and are asked nothing that the test does not expect."""
    async with World(authority).running() as world:
        yield world


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a second try come at once, where the registry asks for no pause.

    How long it is waited for otherwise, up to a second, is for the unit tests of `probes.protocol`.
    """
    monkeypatch.setattr("probes.protocol.conversation.turn.jitter_seconds", lambda plan, url: 0.01)


@pytest.fixture
async def engine(soon: None) -> AsyncIterator[Engine]:
    """An engine with the limits of production; when the test is over, no check of it goes on."""
    before = asyncio.all_tasks()
    async with Engine(user_agent="kairos/test (eu-west)", limits=Limits()) as engine:
        yield engine
    left = {task for task in asyncio.all_tasks() - before if not task.done() and "probes" in repr(task)}
    assert not left, left


@pytest.fixture
async def hasty(soon: None) -> AsyncIterator[Engine]:
    """An engine that waits for nothing longer than a blink, for hosts that would keep a test waiting."""
    limits = Limits(connect_seconds=0.2, tls_seconds=0.2, headers_seconds=0.2, body_seconds=0.2, dns_seconds=0.2)
    async with Engine(user_agent="kairos/test (eu-west)", limits=limits) as engine:
        yield engine
