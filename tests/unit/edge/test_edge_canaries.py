"""Canaries: when they are asked, and what is made of their answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from probes.edge import canaries
from probes.edge.canaries import Canaries, hint_at_lost_egress
from probes.protocol.batch import Finding
from probes.protocol.egress import UNTOLD, Canary, EgressState, Reached
from probes.protocol.outcome import Conclusion, Outcome
from probes.protocol.taxonomy import Reason

AT = datetime(2026, 1, 1, tzinfo=UTC)
URLS = ("https://one.test/", "https://two.test/")


class Line:
    """The way out: up or down, with a count of who was asked."""

    def __init__(self) -> None:
        self.is_up = True
        self.asked = 0
        self.hangs = asyncio.Event()
        self.hangs.set()

    async def reach(self, url: str, seconds: float) -> Reached:
        self.asked += 1
        assert seconds == canaries.ROUND_SECONDS
        await self.hangs.wait()
        answers = self.is_up and url == URLS[0]  # one of them is enough
        canary = Canary(
            url=url, http_status=301 if answers else None, error=None if answers else "dns_temporary", total_ms=1.0
        )
        body = b"h=one\nip=2001:db8::7\n" if answers else b""
        return Reached(canary=canary, body=body, local_address="10.0.0.4" if answers else None)


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canaries, "ASKED_AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(canaries, "DOUBT_SECONDS", 0.01)


@asynccontextmanager
async def watching(line: Line, *urls: str, every_seconds: float = 60.0) -> AsyncIterator[Canaries]:
    made = Canaries(urls, line.reach, every_seconds=every_seconds, now=lambda: AT)
    watch = asyncio.create_task(made.watch())
    yield made
    made.close()
    await watch


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.001)


async def rounds(made: Canaries, number: int) -> None:
    await until(lambda: made.round is not None and made.round.number >= number)


def state_of(made: Canaries) -> EgressState:
    return made.egress.state


def findings(*found: tuple[Reason, str]) -> list[Finding]:
    return [
        Finding(
            key="1",
            slot="s",
            outcome=Outcome(
                reference=f"{host}/app",
                conclusion=Conclusion(reason=reason, canonical=f"{host}/app:latest", host=host),
                started_at=AT,
                duration_ms=1.0,
                requests=1,
                bytes_read=0,
                connection=None,
            ),
        )
        for reason, host in found
    ]


OK, GONE = (Reason.OK, "a.test"), (Reason.TAG_NOT_FOUND, "a.test")
LOST_A, LOST_B = (Reason.CONNECT_TIMEOUT, "a.test"), (Reason.DNS_TEMPORARY, "b.test")


@pytest.mark.parametrize(
    ("found", "hints"),
    [
        ([], False),
        ([OK, GONE], False),
        ([GONE], False),
        ([OK, OK, OK, LOST_A], True),  # of one registry, in the middle of the batch
        ([LOST_A], True),
        ([OK, LOST_A, LOST_B], True),
        ([(Reason.TLS_UNTRUSTED, "a.test"), OK], True),
        ([(Reason.TIMEOUT_HEADERS, "a.test"), OK], True),
    ],
)
def test_batch_hints_at_lost_egress_by_any_check_that_failed_on_its_way(
    found: list[tuple[Reason, str]],
    hints: bool,  # noqa: FBT001 - a parameter
) -> None:
    assert hint_at_lost_egress(findings(*found)) is hints


async def test_without_canaries_nothing_is_asked_and_nothing_known(line: Line) -> None:
    async with watching(line) as made:
        assert await made.egress_after(findings(LOST_A, LOST_B), since=0.0) == UNTOLD
        assert made.round is None
    assert line.asked == 0


async def test_any_answer_of_one_of_them_is_a_way_out(line: Line) -> None:
    async with watching(line, *URLS) as made:
        assert (made.egress, made.round and made.round.number) == (UNTOLD, 0)
        await rounds(made, 1)
        assert (made.egress.state, made.egress.since) == (EgressState.OK, AT)
        assert made.round
        assert (made.round.local_address, made.round.public_address) == ("10.0.0.4", "2001:db8::7")
        assert [canary.answered for canary in made.round.canaries] == [True, False]


async def test_no_answer_is_no_way_out_and_is_logged_once(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    line.is_up = False
    async with watching(line, *URLS) as made:
        await rounds(made, 3)
        assert state_of(made) is EgressState.DOWN
        assert caplog.text.count("no canary answers") == 1
        assert "https://one.test/ dns_temporary" in caplog.text
        line.is_up = True
        await rounds(made, made.round.number + 2 if made.round else 0)
        assert state_of(made) is EgressState.OK
        assert caplog.text.count("canaries answer again") == 1


async def test_they_are_asked_seldom_once_two_rounds_were_good(line: Line) -> None:
    async with watching(line, *URLS) as made:
        await rounds(made, 2)
        await asyncio.sleep(0.05)
        assert made.round
        assert made.round.number == 2


async def test_batch_that_hints_has_them_asked_before_it_is_reported(line: Line) -> None:
    async with watching(line, *URLS) as made:
        await rounds(made, 2)
        line.is_up = False
        assert (await made.egress_after(findings(OK, GONE), since=time.monotonic())).state is EgressState.OK
        assert (await made.egress_after(findings(LOST_A, LOST_B), since=time.monotonic())).state is EgressState.DOWN


async def test_way_out_that_is_lost_for_the_last_two_checks_of_a_batch_is_told(line: Line) -> None:
    """Of one host, and no round falls between: they made two images bad."""
    async with watching(line, *URLS) as made:
        await rounds(made, 2)
        line.is_up = False
        told = await made.egress_after(findings(OK, OK, OK, LOST_A, LOST_A), since=time.monotonic())
        assert told.state is EgressState.DOWN


async def test_batch_waits_for_no_canary_that_hangs_while_another_answers(line: Line) -> None:
    """A registry that is gone for good has every batch ask for a round."""
    hangs, is_held = asyncio.Event(), False

    async def reach(url: str, seconds: float) -> Reached:
        if is_held and url == URLS[1]:
            await hangs.wait()
        return await line.reach(url, seconds)

    made = Canaries(URLS, reach, every_seconds=60.0, now=lambda: AT)
    watch = asyncio.create_task(made.watch())
    await rounds(made, 2)
    is_held = True
    async with asyncio.timeout(1):
        told = await made.egress_after(findings(OK, LOST_A), since=time.monotonic())
    assert (told.state, made.round and made.round.number) == (EgressState.OK, 2)
    hangs.set()
    await rounds(made, 3)
    made.close()
    await watch


async def test_way_out_that_was_lost_is_back_for_a_batch_when_its_round_has_ended(line: Line) -> None:
    line.is_up = False
    async with watching(line, *URLS) as made:
        await rounds(made, 1)
        line.is_up = True
        await asyncio.sleep(0.001)
        assert (await made.egress_after(findings(LOST_A), since=time.monotonic())).state is EgressState.OK


async def test_batches_that_hint_together_share_a_round(line: Line) -> None:
    async with watching(line, *URLS) as made:
        await rounds(made, 2)
        before = line.asked
        lost = findings(LOST_A, LOST_B)
        await asyncio.gather(*(made.egress_after(lost, since=0.0) for _ in range(20)))
        assert line.asked == before + len(URLS)


async def test_batch_does_not_join_a_round_that_may_have_begun_before_its_failures(line: Line) -> None:
    async with watching(line, *URLS) as made:
        await rounds(made, 2)
        line.hangs.clear()
        first = asyncio.create_task(made.egress_after(findings(LOST_A), since=0.0))
        await until(lambda: line.asked == 6)
        second = asyncio.create_task(made.egress_after(findings(LOST_B), since=0.0))
        await asyncio.sleep(0)
        line.hangs.set()
        await asyncio.gather(first, second)
        assert line.asked == 8


async def test_way_out_that_was_lost_while_a_batch_ran_was_lost_for_it(line: Line) -> None:
    line.is_up = False
    async with watching(line, *URLS) as made:
        began = time.monotonic()
        await rounds(made, 1)
        line.is_up = True
        await rounds(made, 3)
        assert made.egress.state is EgressState.OK
        assert (await made.egress_after(findings(OK), since=began)).state is EgressState.DOWN
        assert (await made.egress_after(findings(OK), since=time.monotonic())).state is EgressState.OK


async def test_nobody_waits_for_a_round_when_the_worker_leaves(line: Line) -> None:
    async with watching(line, *URLS) as made:
        await rounds(made, 2)
        line.hangs.clear()
        waiting = asyncio.create_task(made.egress_after(findings(LOST_A), since=0.0))
        await asyncio.sleep(0.03)
        made.close()
        made.close()
        async with asyncio.timeout(1):
            assert await waiting == UNTOLD
            assert await made.egress_after(findings(LOST_A), since=0.0) == UNTOLD
        line.hangs.set()


@pytest.mark.parametrize("is_up", [True, False])
async def test_closed_canaries_know_nothing_and_keep_their_last_round(
    line: Line,
    is_up: bool,  # noqa: FBT001 - a parameter
) -> None:
    """A worker that is stopping goes on beating: what it said when it last asked is no more known to be so."""
    line.is_up = is_up
    async with watching(line, *URLS) as made:
        await rounds(made, 2)
        before = made.round
        made.close()
        assert (made.egress, made.round) == (UNTOLD, before)


async def test_round_that_closing_ends_says_nothing(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    """The engine is closed under it, so it fails."""
    async with watching(line, *URLS) as made:
        await rounds(made, 2)
        line.hangs.clear()
        waiting = asyncio.create_task(made.egress_after(findings(LOST_A), since=time.monotonic()))
        await until(lambda: line.asked == 6)
        made.close()
        line.is_up = False
        line.hangs.set()
        assert await waiting == UNTOLD
        await asyncio.sleep(0.05)
        assert (made.egress, made.round and made.round.number) == (UNTOLD, 2)
    assert "no canary answers" not in caplog.text


async def test_batch_that_ran_while_the_way_out_was_down_says_so_after_closing(line: Line) -> None:
    """Its failures would be taken for the images'; one that begins after closing is told nothing."""
    line.is_up = False
    async with watching(line, *URLS) as made:
        await rounds(made, 1)
        began = time.monotonic()
        made.close()
        assert (await made.egress_after(findings(LOST_A), since=began)).state is EgressState.DOWN
        await asyncio.sleep(0.001)
        assert await made.egress_after(findings(LOST_A), since=time.monotonic()) == UNTOLD


async def test_round_that_fails_by_our_own_fault_does_not_end_them(
    line: Line, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [RuntimeError("broken")]
    reach = line.reach

    async def faulty(url: str, seconds: float) -> Reached:
        if faults:
            raise faults.pop()
        return await reach(url, seconds)

    monkeypatch.setattr(line, "reach", faulty)
    async with watching(line, *URLS) as made:
        await rounds(made, 1)
    assert "a round of canaries failed" in caplog.text
