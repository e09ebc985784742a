"""Running a batch: every plan at once within bounds, and for each exactly one finding, or the plan returned."""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final
from weakref import WeakValueDictionary

from probes import tracing
from probes.edge.engine import Engine
from probes.edge.findings import cut_short, fitted
from probes.edge.intake import Taken
from probes.edge.keyring import Keyring, SecretRefused
from probes.protocol import versions
from probes.protocol.batch import Finding, Returned
from probes.protocol.bounds import room_for_each
from probes.protocol.check import CheckPlan, Target, target_of
from probes.protocol.outcome import Outcome
from probes.protocol.plan import Secret
from probes.protocol.taxonomy import Reason, Stage

SLOW_SECONDS: Final = 2.0
"""A registry with whom a check has been for longer than this is a slow one."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a batch, both in the order of its plans. Only a worker that is stopping returns any."""

    findings: tuple[Finding, ...]
    returned: tuple[Returned, ...]


class _Host:
    """A registry's seats, and when each check that has one began, by the loop's clock."""

    def __init__(self, seats: int) -> None:
        self.seats = asyncio.Semaphore(seats)
        self.began: list[float] = []

    def is_slow(self, now: float) -> bool:
        return bool(self.began) and now - min(self.began) > SLOW_SECONDS


class Runner:
    """Runs batches on the event loop it is used from, any number at a time.

    All batches together have at most `in_flight` checks with the engine, and at most `per_host` of one registry:
    a slow registry fills its own seats and not everybody's. `starved` counts the checks whose time ran out while
    they waited for one of the former alone: then it is the worker that is too slow, and no registry.
    """

    def __init__(self, engine: Engine, *, in_flight: int, per_host: int, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._seats = asyncio.Semaphore(in_flight)
        self._per_host = per_host
        self._hosts: WeakValueDictionary[str, _Host] = WeakValueDictionary()
        self._left: dict[str, Counter[str]] = {}  # of each batch: how many checks of which host have not ended
        self._now = now
        self._scopes: set[asyncio.Timeout] = set()
        self._closing_at = math.inf  # by the loop's clock
        self.in_flight = 0
        self.starved = 0

    async def run(self, taken: Taken, keyring: Keyring) -> Made:
        """Carry out each plan or return it, by the batch's expiry or soon after.

        What cannot be returned in the batch's version was aborted.
        """
        batch = taken.batch
        deadline = asyncio.get_running_loop().time() + taken.expires - monotonic()
        room = room_for_each(len(batch.plans))
        may_return = batch.version >= versions.RETURNS_SINCE
        targets = [target_of(plan) for plan in batch.plans]
        left = self._left[batch.id] = Counter(map(_host, targets))

        async def end(plan: CheckPlan, target: Target | None) -> Finding | Returned:
            try:
                return await self._end(plan, target, keyring, deadline, may_return=may_return)
            finally:
                left[_host(target)] -= 1

        try:
            with tracing.span("batch", batch=batch.id, checks=len(batch.plans)):
                ends = await asyncio.gather(*map(end, batch.plans, targets))
        finally:
            self._left.pop(batch.id, None)
        return Made(
            findings=tuple(
                fitted(end, plan, room)
                for end, plan in zip(ends, batch.plans, strict=True)
                if isinstance(end, Finding)
            ),
            returned=tuple(end for end in ends if isinstance(end, Returned)),
        )

    async def is_held_up(self, batch_id: str) -> bool:
        """Tell whether all that is left of a batch waits for slow registries, and the worker has seats for others."""
        left = +self._left.get(batch_id, Counter())
        now = asyncio.get_running_loop().time()
        slow = {name for name, host in self._hosts.items() if host.is_slow(now)}
        return bool(left) and slow.issuperset(left) and not self._seats.locked()

    def close_within(self, seconds: float) -> None:
        """Let checks go on for so long; what is not done then is returned, and so is whatever is begun later."""
        self._closing_at = min(self._closing_at, asyncio.get_running_loop().time() + seconds)
        for scope in self._scopes:
            when = scope.when()
            if when is not None and when > self._closing_at:
                scope.reschedule(self._closing_at)

    async def _end(
        self, plan: CheckPlan, target: Target | None, keyring: Keyring, deadline: float, *, may_return: bool
    ) -> Finding | Returned:
        loop = asyncio.get_running_loop()
        started_at, started = self._now(), loop.time()
        began = False

        def ended(reason: Reason, detail: str, *, hint: str = "", stage: Stage | None = None) -> Finding:
            duration_ms = (loop.time() - started) * 1000
            return cut_short(
                plan,
                target,
                reason,
                started_at=started_at,
                duration_ms=duration_ms,
                stage=stage,
                detail=detail,
                hint=hint,
            )

        scope = asyncio.timeout_at(min(deadline, self._closing_at))
        self._scopes.add(scope)
        try:
            secret = keyring.secret_for(plan, target)
            async with scope, self._seat(_host(target)):
                began = True
                outcome = await self._check(plan, target, secret)
            return Finding(key=plan.key, slot=plan.slot, outcome=outcome)
        except SecretRefused as refused:
            return ended(Reason.TARGET_FORBIDDEN, "", hint=str(refused), stage=Stage.PARSE)
        except Exception as error:  # noqa: BLE001 - one plan's fault must not cost the others
            if not scope.expired():
                _log.exception("the check of %s failed in the engine", plan.key)
                return ended(Reason.INTERNAL_ERROR, type(error).__name__)
            if loop.time() >= self._closing_at:
                if may_return:
                    return Returned(key=plan.key, slot=plan.slot)
                return ended(Reason.PROBE_ABORTED, "the region's worker was stopping")
            if began:
                return ended(Reason.PROBE_ABORTED, "the time of its batch ran out")
            return ended(Reason.PROBE_OVERLOADED, "the time of its batch ran out before it could begin")
        finally:
            self._scopes.discard(scope)

    async def _check(self, plan: CheckPlan, target: Target | None, secret: Secret) -> Outcome:
        canonical = target.canonical if target else ""
        with tracing.span("check", check=plan.key, slot=plan.slot, reference=canonical) as noted:
            outcome = await self._engine.check(plan, secret)
            noted.came_to(registry=_host(target), status=outcome.conclusion.status, reason=outcome.conclusion.reason)
            return outcome

    @asynccontextmanager
    async def _seat(self, name: str) -> AsyncIterator[None]:
        # The host's seat first: whoever waits for a busy registry must not hold a seat that others could use.
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = _Host(self._per_host)
        async with host.seats, self._own_seat():
            began = asyncio.get_running_loop().time()
            host.began.append(began)
            try:
                yield
            finally:
                host.began.remove(began)

    @asynccontextmanager
    async def _own_seat(self) -> AsyncIterator[None]:
        try:
            await self._seats.acquire()
        except asyncio.CancelledError:
            if asyncio.get_running_loop().time() < self._closing_at:
                self.starved += 1
            raise
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            self._seats.release()


def _host(target: Target | None) -> str:
    return target.host if target else ""
