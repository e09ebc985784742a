"""The engine: carries a conversation over the wire and records how each step went.

One `Engine` serves all checks of a process from one event loop: its connections stay warm, and so does what it
remembers (ADR 14).
"""

import asyncio
import logging
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from ipaddress import IPv6Network
from typing import Final, Self

from probes.protocol.check import CheckPlan
from probes.protocol.conversation import Done, Send, advance, start
from probes.protocol.domains import registrable_domain
from probes.protocol.egress import Reached
from probes.protocol.endpoint import EndpointPlan
from probes.protocol.endpoint import conversation as endpoint
from probes.protocol.exchange import Ask, Event
from probes.protocol.outcome import Conclusion, Outcome
from probes.protocol.plan import ANONYMOUS, Plan, Secret
from probes.protocol.proxy import Proxy
from probes.protocol.reference import parse_reference
from probes.protocol.taxonomy import Reason, Stage
from probes.wire.account import Account
from probes.wire.cooldown import Patience
from probes.wire.exchangers import ExchangeRefused, Exchanges, Refusal
from probes.wire.flights import Landed
from probes.wire.limits import Limits
from probes.wire.memory import fingerprint_of
from probes.wire.reach import reach, route_to
from probes.wire.recollection import Memories, Recollection
from probes.wire.route import Route
from probes.wire.transport import GuardedTransport

_log = logging.getLogger(__name__)
_LOGIN_REFUSED: Final = frozenset({Reason.AUTH_BAD_CREDENTIALS, Reason.AUTH_EXPIRED})


class Engine:
    """Runs checks. Belongs to the event loop it is first used on; close it with `aclose` or `async with`."""

    def __init__(
        self,
        *,
        user_agent: str,
        limits: Limits | None = None,
        proxy: Proxy | None = None,
        nat64: tuple[IPv6Network, ...] = (),
    ) -> None:
        self._suffixes = _public_suffixes()
        self._limits = limits or Limits()
        self._proxy = proxy
        self._nat64 = nat64
        self._transport = GuardedTransport(user_agent=user_agent, limits=self._limits)
        self._memories = Memories(self._limits)
        self._exchanges = Exchanges(self._transport, self._limits, self._memories.cool_downs)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._exchanges.aclose()
        await self._transport.aclose()

    async def check(self, plan: CheckPlan, secret: Secret = ANONYMOUS) -> Outcome:
        """Make one check and return its outcome, within `plan.timeout_seconds`.

        Raises `ValueError` when the plan's site is not usable (a network or address that is none). Everything
        that the network or whoever is asked does becomes part of the outcome, and so does a fault of our own (E21).
        """
        if isinstance(plan, EndpointPlan):
            return await self._check_endpoint(plan, secret)
        return await self._check_image(plan, secret)

    async def _check_endpoint(self, plan: EndpointPlan, secret: Secret) -> Outcome:
        route = Route.of(plan.reach, self._proxy, self._nat64, tls_minimum=plan.tls_minimum)
        run = _EndpointRun(self._transport, self._memories, plan, secret, self._limits, route)
        try:
            done = await run.converse()
        except Exception as error:  # noqa: BLE001 - likewise
            _log.exception("the check of %s failed in the engine", plan.reference)
            done = _own_fault(plan, error)
        return run.outcome(done)

    async def _check_image(self, plan: Plan, secret: Secret) -> Outcome:
        route = Route.of(plan.site, self._proxy, self._nat64)
        if not self._suffixes.done():
            await asyncio.wait({asyncio.wrap_future(self._suffixes)})
        run = _Run(self._transport, self._memories, plan, secret, self._limits, route)
        try:
            login = await self._exchanged(plan, secret, run) if secret.provider else secret
            done = await run.converse(login)
        except ExchangeRefused as error:
            done = _without_login(plan, error.refusal)
        except Exception as error:  # noqa: BLE001 - a verdict is owed whatever we did wrong
            _log.exception("the check of %s failed in the engine", plan.reference)
            done = _own_fault(plan, error)
        if secret.provider and done.conclusion.reason in _LOGIN_REFUSED:
            self._exchanges.doubt(secret, registry=_registry_of(plan), route=route)
        return run.outcome(done)

    async def reach(self, url: str, seconds: float, ca_pem: str = "") -> Reached:
        """Ask a canary; see `probes.wire.reach`."""
        route = route_to(url, ca_pem, self._proxy, self._nat64)
        return await reach(url, self._transport, route, self._limits, seconds=seconds)

    async def _exchanged(self, plan: Plan, secret: Secret, run: "_Run") -> Secret:
        """Return what a provider gives for `secret`; as it is where the check ends before any packet anyway."""
        if isinstance(start(plan), Done):
            return secret
        return await self._exchanges.login_for(
            secret, registry=_registry_of(plan), route=run.route, deadline=run.deadline, records=run.records
        )


def _public_suffixes() -> Future[str | None]:
    """Begin to read the list of public suffixes: it takes a moment, which no check and no event loop should spend."""
    with_thread = ThreadPoolExecutor(1, thread_name_prefix="kairos-suffixes")
    reading = with_thread.submit(registrable_domain, "example.com")
    with_thread.shutdown(wait=False)
    return reading


class _Run(Account):
    """The check of an image: a conversation, with what is remembered of its registry."""

    def __init__(
        self,
        transport: GuardedTransport,
        memories: Memories,
        plan: Plan,
        secret: Secret,
        limits: Limits,
        route: Route,
    ) -> None:
        self.recollection = Recollection(memories, plan, secret, route)
        super().__init__(transport, plan, secret, limits, route, self.recollection.patience)
        self.plan = plan

    async def converse(self, login: Secret) -> Done:
        """Carry the conversation to its end. Exchanges that it no longer waits for are cancelled."""
        recollection, now = self.recollection, self.started
        move = start(self.plan, login, recollection.login(now), recollection.known(now), self.limits.check)
        pending: set[asyncio.Task[Event]] = set()
        if isinstance(move, Send):
            self.registry = move.state.registry.netloc
        try:
            while isinstance(move, Send):
                if len(move.asks) == 1 and not pending:
                    event = await self.exchange(move.asks[0])  # the usual case needs no task
                    move = self.advance(move, event)
                    continue
                pending |= {asyncio.create_task(self.exchange(ask)) for ask in move.asks}
                finished, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                move = self.take(move, finished)
        finally:
            for task in pending:
                task.cancel()
            if pending:
                await asyncio.gather(*pending, return_exceptions=True)
        return move

    def take(self, move: Send, finished: Iterable[asyncio.Task[Event]]) -> Send | Done:
        """Advance by every exchange that has ended; the asks of all of them go out together."""
        asks: list[Ask] = []
        for task in sorted(finished, key=lambda task: task.result().ask_id):
            further = self.advance(move, task.result())
            if isinstance(further, Done):
                return further
            asks += further.asks
            move = further
        return replace(move, asks=tuple(asks))

    def advance(self, move: Send, event: Event) -> Send | Done:
        further = advance(move.state, event)
        self.recollection.learn(further, asyncio.get_running_loop().time())
        return replace(further, documents=()) if further.documents else further  # it may hold megabytes

    async def landing(self, ask: Ask) -> Landed:
        """Return what comes of the ask's own request, or of another check's for the same token."""
        flight = self.recollection.flight(ask) if ask.stage is Stage.TOKEN else None
        if flight is None:
            return await self.perform(ask)
        loop = asyncio.get_running_loop()
        began = loop.time()
        flights = self.recollection.flights
        if shared := await flights.board(flight, self.deadline):
            return shared.by_another(ask, waited_ms=round((loop.time() - began) * 1000, 3))
        return await flights.lead(flight, lambda: self.perform(ask))


class _EndpointRun(Account):
    """The check of an endpoint: nothing is remembered but whoever throttled us."""

    def __init__(
        self,
        transport: GuardedTransport,
        memories: Memories,
        plan: EndpointPlan,
        secret: Secret,
        limits: Limits,
        route: Route,
    ) -> None:
        patience = Patience(memories.cool_downs, route.profile, fingerprint_of(secret))
        super().__init__(transport, plan, secret, limits, route, patience)
        self.plan = plan
        self.registry = plan.host

    async def converse(self) -> Done:
        """Carry the check to its end."""
        move = endpoint.start(self.plan, self.secret, self.limits.check)
        while isinstance(move, endpoint.Send):
            move = endpoint.advance(move.state, await self.exchange(move.ask))
        return move


def _own_fault(plan: CheckPlan, error: Exception) -> Done:
    reason = Reason.INTERNAL_ERROR
    return Done(
        Conclusion(reason=reason, canonical=plan.reference, hint=reason.meaning.hint, detail=type(error).__name__)
    )


def _without_login(plan: Plan, refusal: Refusal) -> Done:
    """The provider gave no login, so the registry was not asked: its token service's part, and its stage."""
    return Done(
        Conclusion(
            reason=refusal.reason,
            canonical=parse_reference(plan.reference).canonical,
            stage=Stage.TOKEN,
            host=refusal.host,
            hint=refusal.hint or refusal.reason.meaning.hint,
            detail=refusal.detail,
            retry_at=refusal.retry_at,
        )
    )


def _registry_of(plan: Plan) -> str:
    """Return the registry's host and port as it is asked. Raises `ReferenceInvalid`."""
    return plan.site.api_host or parse_reference(plan.reference).api_host
