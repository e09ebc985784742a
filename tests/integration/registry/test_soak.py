"""Thousands of checks against every kind of server there is, and nothing left of them."""

import asyncio
import json
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import pytest

from probes.protocol.plan import ANONYMOUS, Plan
from probes.protocol.taxonomy import Reason
from probes.wire.driver import Engine
from probes.wire.limits import Limits
from tests.fakes.fake_registry import ALICE
from tests.integration.registry.leftovers import Leftovers, open_descriptors
from tests.integration.registry.mixture import CASES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

_log = logging.getLogger(__name__)

CHECKS: Final = 2_000  # some thirty-five of each case
AT_ONCE: Final = 96
WARM_ROUNDS: Final = 12  # checks of each case before the first census
# Idle connections go soon, so that a census counts none. What never ends, a plan's own time ends; no other wait may
# come to its end because this machine is busy.
LIMITS: Final = Limits(
    connect_seconds=60,
    tls_seconds=60,
    headers_seconds=60,
    body_seconds=60,
    pool_idle_seconds=0.3,
    pool_connections=64,
)
SLACK_OBJECTS: Final = 7  # of one type, over a cache or two of Python's own; a leak in one case is five times that
SLACK_BLOCKS: Final = 1_000  # of some 40 bytes and more; a leak of one object a check would be twice that


@pytest.fixture
async def mixture() -> AsyncIterator[asyncio.subprocess.Process]:
    """The servers, as a program."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.registry.mixture",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 24,
    )  # fmt: skip
    yield program
    if program.returncode is None:
        program.kill()
    await program.wait()


async def _line(program: asyncio.subprocess.Process) -> Mapping[str, Any]:
    assert program.stdout is not None
    async with asyncio.timeout(60):
        read: Mapping[str, Any] = json.loads(await program.stdout.readline())
    return read


async def _check_all(engine: Engine, plans: Mapping[str, Plan], names: list[str]) -> dict[str, Counter[Reason]]:
    """Make one check for each of `names`, many at a time; return the reasons by name."""
    found: dict[str, Counter[Reason]] = {name: Counter() for name in plans}
    waiting = iter(names)

    async def work() -> None:
        for name in waiting:
            outcome = await engine.check(plans[name], ALICE if CASES[name].has_login else ANONYMOUS)
            found[name][outcome.conclusion.reason] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return found


async def _at_rest(engine: Engine) -> Leftovers:
    """Take a census once the last idle connection is gone."""
    async with asyncio.timeout(10):
        while engine._transport.open_connections:  # noqa: ASYNC110, SLF001 - what is counted is within
            await asyncio.sleep(0.05)
    await _drop_cancelled_timers()
    return Leftovers.of(engine, tasks=len(asyncio.all_tasks()))


async def _drop_cancelled_timers() -> None:
    """The loop keeps cancelled timers until they are many and most of all: so make them that."""
    loop = asyncio.get_running_loop()
    for _ in range(1000):
        loop.call_later(60, _drop_cancelled_timers).cancel()
    await asyncio.sleep(0.01)


async def test_thousands_of_checks_leave_nothing_behind(mixture: asyncio.subprocess.Process) -> None:
    """N14, S14, S15, S16: no socket, no task, no growing cache; and never a verdict that the server did not earn."""
    assert len(CASES) >= 30
    plans = {name: Plan.from_json(document) for name, document in (await _line(mixture)).items()}
    chance = random.Random(7)
    names = chance.choices(list(CASES), [case.share for case in CASES.values()], k=CHECKS)
    descriptors = open_descriptors()
    async with Engine(user_agent="kairos/test (eu-west)", limits=LIMITS) as engine:
        await _check_all(engine, plans, list(CASES) * WARM_ROUNDS)
        before = await _at_rest(engine)
        before = await _at_rest(engine)  # while there is one: a census is 1,500 blocks itself, as many as a leak
        began, spent = time.monotonic(), time.process_time()
        found = await _check_all(engine, plans, names)
        seconds, cpu_seconds = time.monotonic() - began, time.process_time() - spent
        odd = {name: dict(reasons) for name, reasons in found.items() if set(reasons) - CASES[name].reasons}
        made = sum(reasons.total() for reasons in found.values())
        del found
        after = await _at_rest(engine)
    _log.info("%d checks in %.1f s, %.1f s of CPU", CHECKS, seconds, cpu_seconds)

    assert odd == {}
    assert made == CHECKS
    assert (after.tasks, after.threads, after.descriptors) == (before.tasks, before.threads, before.descriptors)
    assert {"probes.protocol.reference.parse_reference", "probes.protocol.urls._origin_at"} <= {*before.holdings}
    assert after.holdings == before.holdings
    assert after.growth(before, beyond=SLACK_OBJECTS) == {}
    assert after.blocks - before.blocks < SLACK_BLOCKS
    assert open_descriptors().items() <= descriptors.items()  # fewer, where an earlier test's garbage went meanwhile

    assert mixture.stdin is not None
    mixture.stdin.close()
    told = await _line(mixture)
    assert told["troubles"] == {}
    assert told["open"] == {}
    assert cpu_seconds < 24  # a busy machine takes longer for it, and is not to blame
