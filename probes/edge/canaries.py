"""Canaries: endpoints that always answer, asked to tell "we reach nothing" from "this registry is down"."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from probes.protocol.batch import Finding
from probes.protocol.egress import UNTOLD, CanaryRound, Egress, EgressState, Reached, address_told
from probes.protocol.taxonomy import Reason

DOUBT_SECONDS: Final = 10.0
"""Between two rounds after one that failed, or that followed such a one: sooner than usual, to be sure soon."""

ASKED_AGAIN_SECONDS: Final = 3.0
"""Rounds that batches ask for begin no closer together, however many ask: the canaries are other people's."""

ROUND_SECONDS: Final = 8.0
"""All canaries of a round are asked at once, and have so long."""

_TRANSPORT: Final = frozenset(
    {
        *(Reason.DNS_NXDOMAIN, Reason.DNS_TEMPORARY),
        *(Reason.CONNECT_REFUSED, Reason.CONNECT_TIMEOUT, Reason.CONNECT_UNREACHABLE, Reason.CONNECTION_RESET),
        *(Reason.TLS_UNTRUSTED, Reason.TLS_EXPIRED, Reason.TLS_HOSTNAME, Reason.TLS_PROTOCOL),
        *(Reason.TIMEOUT_HEADERS, Reason.TIMEOUT_BODY, Reason.TIMEOUT_TOTAL, Reason.AUTH_SERVICE_TIMEOUT),
        Reason.PROXY_FAILED,
    }
)
_log = logging.getLogger(__name__)


def hint_at_lost_egress(findings: Sequence[Finding]) -> bool:
    """Tell whether any check of a batch failed as all do without a way out: that may be lost in the midst of it."""
    return any(finding.outcome.conclusion.reason in _TRANSPORT for finding in findings)


class Canaries:
    """Asks all `urls` in rounds, and knows what they said. For the event loop alone, but for its two properties.

    Without `urls` nothing is asked and nothing is known; once closed, nothing is known any more. `reach` asks one,
    within so many seconds.
    """

    def __init__(
        self,
        urls: Sequence[str],
        reach: Callable[[str, float], Awaitable[Reached]],
        *,
        every_seconds: float,
        now: Callable[[], datetime],
    ) -> None:
        self._urls = tuple(urls)
        self._reach = reach
        self._every_seconds = every_seconds
        self._now = now
        self._egress = UNTOLD
        self._round = CanaryRound(number=0, ended_at=now(), canaries=()) if urls else None
        self._down_at = -1.0  # when a round last ended without any answer, monotonic
        self._began_at = -ASKED_AGAIN_SECONDS
        self._good_in_a_row = 0
        self._waiting: asyncio.Future[None] | None = None  # for what the round says that whoever asks again waits for
        self._again: set[asyncio.Task[None]] = set()
        self._asking = asyncio.Lock()
        self._closed = asyncio.get_running_loop().create_future()

    @property
    def egress(self) -> Egress:
        """What the last round said; nothing once closed, when nobody asks any more."""
        return self._egress

    @property
    def round(self) -> CanaryRound | None:
        """The last round; number 0 before the first. None without canaries."""
        return self._round

    async def watch(self) -> None:
        """Ask at intervals until `close`."""
        while self._urls and not self._closed.done():
            async with self._asking:
                await self._ask()
            is_sure = self._good_in_a_row > 1
            pause_seconds = self._every_seconds if is_sure else min(DOUBT_SECONDS, self._every_seconds)
            await asyncio.wait({self._closed}, timeout=pause_seconds)

    async def egress_after(self, findings: Sequence[Finding], *, since: float) -> Egress:
        """Return what a report with these findings says of the way out; `since` is when their batch began, monotonic.

        Findings that hint at its loss are worth a round of their own, and where there was a way out before, its first
        answer is enough. A round that failed since then is enough for the other. So is it that the way out was down
        when `close` ended the rounds in the middle of the batch.
        """
        if self._urls and not self._closed.done() and hint_at_lost_egress(findings):
            if self._waiting is None:
                self._waiting = asyncio.get_running_loop().create_future()
                asking = asyncio.create_task(self._ask_again(self._waiting))
                self._again.add(asking)
                asking.add_done_callback(self._again.discard)
            await asyncio.wait({self._waiting, self._closed}, return_when=asyncio.FIRST_COMPLETED)
        if self._down_at >= since and self._egress.state is not EgressState.DOWN:
            return Egress(state=EgressState.DOWN, since=self._now())
        return self._egress

    def close(self) -> None:
        """Ask nothing more; whoever waits for a round goes on without it."""
        if not self._closed.done():
            self._closed.set_result(None)
            if self._egress.state is EgressState.DOWN:
                self._down_at = time.monotonic()
            self._egress = UNTOLD

    async def _ask_again(self, told: asyncio.Future[None]) -> None:
        async with self._asking:
            await asyncio.sleep(max(0.0, self._began_at + ASKED_AGAIN_SECONDS - time.monotonic()))
            # Whoever comes from here on may know of what this round has not seen, and waits for the next.
            self._waiting = None
            await self._ask(told)

    async def _ask(self, told: asyncio.Future[None] | None = None) -> None:
        """Have a round; `told` is done as soon as it is known what it says of the way out."""
        told = told or asyncio.get_running_loop().create_future()

        async def reach(url: str) -> Reached:
            reached = await self._reach(url, ROUND_SECONDS)
            if reached.canary.answered and self._egress.state is EgressState.OK and not told.done():
                told.set_result(None)  # as it was: a canary that hangs holds up no report
            return reached

        self._began_at = time.monotonic()
        try:
            self._note(await asyncio.gather(*map(reach, self._urls)))
        except Exception:  # noqa: BLE001 - a fault of ours must not end the rounds
            _log.exception("a round of canaries failed")
        finally:
            if not told.done():
                told.set_result(None)

    def _note(self, reached: Iterable[Reached]) -> None:
        if self._closed.done():  # then it may have failed for that
            return
        found = list(reached)
        ended_at, before = self._now(), self._egress.state
        self._round = latest = CanaryRound(
            number=(self._round.number if self._round else 0) + 1,
            ended_at=ended_at,
            canaries=tuple(item.canary for item in found),
            local_address=next((item.local_address for item in found if item.local_address), None),
            public_address=address_told(item.body for item in found),
        )
        state = EgressState.OK if latest.is_good else EgressState.DOWN
        self._good_in_a_row = self._good_in_a_row + 1 if latest.is_good else 0
        if not latest.is_good:
            self._down_at = time.monotonic()
        if state is not before:
            self._egress = Egress(state=state, since=ended_at)
            told = ", ".join(f"{canary.url} {canary.error or canary.http_status}" for canary in latest.canaries)
            if state is EgressState.DOWN:
                _log.warning("no canary answers, so what checks find here says nothing: %s", told)
            elif before is EgressState.DOWN:
                _log.warning("canaries answer again: %s", told)
