"""A batch's report: what it waits for, and that nobody else waits with it."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest

from probes.edge import canaries, hands
from probes.edge.canaries import Canaries
from probes.edge.hands import Hands
from probes.edge.intake import Taken
from probes.edge.loop import Crew, EngineLoop
from probes.edge.reporter import Reporter
from probes.edge.runner import Runner
from probes.protocol.batch import Batch
from probes.protocol.check import CheckPlan
from probes.protocol.egress import UNTOLD, Egress, EgressState, Reached
from probes.protocol.outcome import Conclusion, Outcome
from probes.protocol.plan import ANONYMOUS, Plan, Secret
from probes.protocol.taxonomy import Reason
from probes.trust.keys import ControlKeys, RegionKeys
from tests.fakes.engine import FakeEngine

KEYS = RegionKeys.generate("eu-west", ControlKeys.generate().verify_key)
AT = datetime(2026, 1, 1, tzinfo=UTC)
CANARY = "https://one.test/"


class Region(FakeEngine):
    """Its registry `lost.test` cannot be reached, and its canary answers when it is let: `asked_canary` counts."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_canary = 0
        self.answers = asyncio.Event()

    async def check(self, plan: CheckPlan, secret: Secret = ANONYMOUS) -> Outcome:
        found = await super().check(plan, secret)
        if not plan.reference.startswith("lost.test/"):
            return found
        conclusion = Conclusion(reason=Reason.CONNECT_TIMEOUT, canonical=plan.reference, host="lost.test")
        return replace(found, conclusion=conclusion)

    async def reach(self, url: str, seconds: float, ca_pem: str = "") -> Reached:
        self.asked_canary += 1
        await self.answers.wait()
        return await super().reach(url, seconds, ca_pem)


def crew(region: Region) -> Crew:
    runner = Runner(region, in_flight=100, per_host=20, now=lambda: AT)
    watched = Canaries([CANARY], region.reach, every_seconds=60.0, now=lambda: AT)
    return Crew(region, runner, watched, Reporter(runner, watched, keys=KEYS, worker="worker-1", now=lambda: AT))


def taken(reference: str, *, number: int = 1) -> Taken:
    came = time.monotonic()
    batch = Batch(
        id=str(UUID(int=number)),
        region="eu-west",
        issued_at=AT,
        expires_at=AT + timedelta(seconds=30),
        plans=(Plan(reference=reference, key="1", slot="s"),),
    )
    return Taken(batch=batch, came=came, expires=came + 30)


LOST, GOOD = taken("lost.test/app"), taken("registry.test/app", number=2)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canaries, "ASKED_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(hands, "LOOK_SECONDS", 0.01)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.001)


async def test_report_tells_what_was_found_by_whom() -> None:
    report = await crew(Region()).reporter.report(GOOD)
    assert (report.batch, report.region, report.worker) == (GOOD.batch.id, "eu-west", "worker-1")
    assert (report.finished_at, report.version) == (AT, GOOD.batch.version)
    assert [finding.outcome.conclusion.reason for finding in report.findings] == [Reason.OK]


async def test_batch_that_hints_at_nothing_waits_for_no_canary() -> None:
    region = Region()
    report = await crew(region).reporter.report(GOOD)
    assert (region.asked_canary, report.egress) == (0, UNTOLD)


async def test_batch_is_held_up_from_when_canaries_are_asked_until_they_answer() -> None:
    region = Region()
    reporter = crew(region).reporter
    reporting = asyncio.create_task(reporter.report(LOST))
    await until(lambda: region.asked_canary > 0)
    assert [await reporter.is_held_up(item.batch.id) for item in (LOST, GOOD)] == [True, False]
    assert not reporting.done()
    region.answers.set()
    assert (await reporting).egress == Egress(state=EgressState.OK, since=AT)
    assert not await reporter.is_held_up(LOST.batch.id)


async def test_batch_whose_checks_run_is_not_held_up() -> None:
    region = Region()
    reporter = crew(region).reporter
    slow = taken("lost.test/sleeps-50")
    reporting = asyncio.create_task(reporter.report(slow))
    await until(lambda: bool(region.asked))
    assert not await reporter.is_held_up(slow.batch.id)
    assert region.asked_canary == 0
    region.answers.set()
    await reporting


async def test_batch_that_is_given_up_while_it_waits_for_canaries_is_held_up_no_more() -> None:
    region = Region()
    reporter = crew(region).reporter
    reporting = asyncio.create_task(reporter.report(LOST))
    await until(lambda: region.asked_canary > 0)
    reporting.cancel()
    await asyncio.wait({reporting})
    assert not await reporter.is_held_up(LOST.batch.id)
    region.answers.set()


class Worker:
    """One hand and an event loop, put together as the worker does; `reports` are the batches that were reported."""

    def __init__(self) -> None:
        self.loop = EngineLoop(self._build)
        self.loop.start()
        self.hands = Hands(1, is_held_up=lambda batch: self.loop.run(self.loop.crew.reporter.is_held_up(batch)))
        self.reports: list[str] = []

    def _build(self) -> Crew:
        self.region = Region()
        return crew(self.region)

    def carry_out(self, item: Taken) -> None:
        self.hands.carry_out(item.batch.id, partial(self._run, item))

    def let_canaries_answer(self) -> None:
        async def answer() -> None:
            self.region.answers.set()

        self.loop.run(answer())

    def _run(self, item: Taken) -> None:
        self.reports.append(self.loop.run(self.loop.crew.reporter.report(item)).batch)


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.let_canaries_answer()
    made.hands.close()
    made.loop.stop()


def test_batch_that_waits_for_canaries_is_put_aside_and_the_next_goes_on(worker: Worker) -> None:
    """With a canary that hangs, one batch with a lost registry held up all others for eight seconds."""
    worker.carry_out(LOST)
    assert (worker.hands.aside, worker.reports) == (1, [])
    worker.carry_out(GOOD)
    assert worker.reports == [GOOD.batch.id]
    worker.let_canaries_answer()
    worker.hands.close()
    assert worker.reports == [GOOD.batch.id, LOST.batch.id]
    assert worker.hands.aside == 0
