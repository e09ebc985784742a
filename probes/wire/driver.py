"""The engine: carries a conversation over the wire and records how each step went.

One `Engine` serves all checks of a process from one event loop: its connections stay warm, and so does what it
remembers (ADR 14).
"""

import asyncio
import logging
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Network
from typing import Final, Self

from probes.protocol.conversation import Done, Send, advance, start
from probes.protocol.domains import registrable_domain
from probes.protocol.egress import Reached
from probes.protocol.exchange import Ask, Event
from probes.protocol.outcome import Certificate, Conclusion, ConnectionKind, Outcome, Step
from probes.protocol.plan import ANONYMOUS, Plan, Secret
from probes.protocol.proxy import Proxy
from probes.protocol.redaction import scrub, scrub_host, scrub_url
from probes.protocol.reference import parse_reference
from probes.protocol.taxonomy import Reason, Stage, Warn
from probes.protocol.urls import Origin, origin_of, redact
from probes.wire.exchange import ExchangeRecord, Record, perform, recorded
from probes.wire.exchangers import ExchangeRefused, Exchanges, Refusal
from probes.wire.flights import Landed
from probes.wire.limits import Limits
from probes.wire.reach import reach, route_to
from probes.wire.recollection import Memories, Recollection
from probes.wire.route import Route
from probes.wire.transport import GuardedTransport

_log = logging.getLogger(__name__)
EXPIRING: Final = timedelta(days=14)
_LOGIN_REFUSED: Final = frozenset({Reason.AUTH_BAD_CREDENTIALS, Reason.AUTH_EXPIRED})
_THROTTLED: Final = frozenset({Reason.RATE_LIMITED, Reason.RATE_LIMITED_AUTH, Reason.RATE_LIMITED_UPSTREAM})


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

    async def check(self, plan: Plan, secret: Secret = ANONYMOUS) -> Outcome:
        """Make one check and return its outcome, within `plan.timeout_seconds`.

        Raises `ValueError` when the plan's site is not usable (a network or address that is none). Everything
        that the network or a registry does becomes part of the outcome, and so does a fault of our own (row E21).
        """
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


class _Run:
    """One check under way: its clock and its records by ask id."""

    def __init__(
        self,
        transport: GuardedTransport,
        memories: Memories,
        plan: Plan,
        secret: Secret,
        limits: Limits,
        route: Route,
    ) -> None:
        self.transport = transport
        self.plan = plan
        self.secret = secret
        self.limits = limits
        self.route = route
        self.registry = ""
        self.recollection = Recollection(memories, plan, secret, route)
        self.redialled: set[Origin] = set()
        self.started_at = datetime.now(UTC)
        self.started = asyncio.get_running_loop().time()
        self.deadline = self.started + plan.timeout_seconds
        self.records: list[Record] = []

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

    async def exchange(self, ask: Ask) -> Event:
        """Return what comes of an ask: of its own request, of another check's, or of none while we are throttled."""
        loop = asyncio.get_running_loop()
        if ask.delay_seconds:
            remaining = self.deadline - loop.time()
            await asyncio.sleep(max(0.0, min(ask.delay_seconds, remaining)))
        if waiting := self.recollection.patience.waiting(ask, loop.time()):
            return waiting
        flight = self.recollection.flight(ask) if ask.stage is Stage.TOKEN else None
        if flight is None:
            landed = await self.perform(ask)
        else:
            began = loop.time()
            flights = self.recollection.flights
            if shared := await flights.board(flight, self.deadline):
                landed = shared.by_another(ask, waited_ms=round((loop.time() - began) * 1000, 3))
            else:
                landed = await flights.lead(flight, lambda: self.perform(ask))
        self.records.append(recorded(ask, *landed))
        return landed.event

    async def perform(self, ask: Ask) -> Landed:
        """Make the request, and take account of whether it was one too many."""
        loop = asyncio.get_running_loop()
        sent = loop.time()
        if self.plan.fresh and (origin := origin_of(ask.url)) not in self.redialled:
            self.redialled.add(origin)
            ask = replace(ask, fresh_connection=True)
        event, record = await perform(
            self.transport,
            ask,
            self.route,
            self.limits,
            self.deadline,
            identity_pem=self.secret.client_identity,
            registry=self.registry,
        )
        landed = Landed(event, record)
        self.recollection.patience.note(ask, landed.event, sent=sent, now=loop.time())
        return landed

    def outcome(self, done: Done) -> Outcome:
        """Put the conclusion and the records together."""
        loop = asyncio.get_running_loop()
        self.records.sort(key=lambda entry: entry[0].id)
        certificates = {record.host: record.certificate for _, _, record in self.records if record.certificate}
        return Outcome(
            reference=self.plan.reference,
            conclusion=self.completed(done.conclusion, certificates.values()),
            started_at=self.started_at,
            duration_ms=round((loop.time() - self.started) * 1000, 1),
            requests=sum(not record.is_shared for _, _, record in self.records),
            bytes_read=sum(record.bytes for _, _, record in self.records),
            connection=self.connection,
            proxy=self.route.proxy.netloc if self.route.proxy else None,
            certificates=tuple(_shown(certificate, done.secrets) for certificate in certificates.values()),
            steps=tuple(_step(*entry, done.secrets) for entry in self.records),
        )

    @property
    def connection(self) -> ConnectionKind | None:
        kinds = {record.connection for _, _, record in self.records}
        return "new" if "new" in kinds else "reused" if "reused" in kinds else None

    @property
    def retry_at(self) -> datetime | None:
        """When whoever throttled us will be asked again, where he did not say when he would have us back."""
        throttled = [ask for ask, error, record in self.records if error is None and record.http_status == 429]
        return self.recollection.patience.retry_at(throttled[-1]) if throttled else None

    def completed(self, conclusion: Conclusion, certificates: Iterable[Certificate]) -> Conclusion:
        """Return the conclusion with what only the wire can tell."""
        if conclusion.retry_at is None and conclusion.reason in _THROTTLED:
            conclusion = replace(conclusion, retry_at=self.retry_at)
        found: list[Warn] = []
        if any(certificate.not_after - self.started_at < EXPIRING for certificate in certificates):
            found.append(Warn.TLS_EXPIRING)
        if any(record.mixed_scope for _, _, record in self.records):
            found.append(Warn.DNS_MIXED_SCOPE)
        return replace(conclusion, warnings=(*conclusion.warnings, *found)) if found else conclusion


def _own_fault(plan: Plan, error: Exception) -> Done:
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


def _shown(certificate: Certificate, secrets: tuple[str, ...]) -> Certificate:
    """Whoever sent us to a host chose its name, and may have chosen its certificate's issuer."""
    host, issuer = scrub_host(certificate.host, secrets), scrub(certificate.issuer, secrets)
    is_clean = (host, issuer) == (certificate.host, certificate.issuer)
    return certificate if is_clean else replace(certificate, host=host, issuer=issuer)


def _step(ask: Ask, error: str | None, record: ExchangeRecord, secrets: tuple[str, ...]) -> Step:
    return Step(
        stage=ask.stage,
        method=ask.method,
        url=scrub_url(redact(ask.url), secrets),
        host=scrub_host(record.host, secrets),
        address=record.address,
        http_status=record.http_status,
        error=error,
        connection=record.connection,
        dns_ms=record.dns_ms,
        connect_ms=record.connect_ms,
        tls_ms=record.tls_ms,
        first_byte_ms=record.first_byte_ms,
        total_ms=record.total_ms,
        bytes=record.bytes,
    )


def _registry_of(plan: Plan) -> str:
    """Return the registry's host and port as it is asked. Raises `ReferenceInvalid`."""
    return plan.site.api_host or parse_reference(plan.reference).api_host
