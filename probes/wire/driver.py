"""The engine: carries a conversation over the wire and records how each step went.

One `Engine` serves all checks of a process from one event loop: its connections and remembered logins stay warm.
"""

import asyncio
import hashlib
import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Network
from typing import Final, Self

from probes.protocol.conversation import Done, Send, advance, start
from probes.protocol.exchange import Ask, Event, Fault
from probes.protocol.outcome import Certificate, Conclusion, ConnectionKind, Outcome, Step
from probes.protocol.plan import ANONYMOUS, Plan, Secret
from probes.protocol.proxy import Proxy
from probes.protocol.redaction import scrub_url
from probes.protocol.reference import ReferenceInvalid, parse_reference
from probes.protocol.taxonomy import Reason, Stage, Warn
from probes.protocol.urls import redact
from probes.wire.exchange import ExchangeRecord, perform
from probes.wire.exchangers import ExchangeRefused, Exchanges, Refusal
from probes.wire.limits import Limits
from probes.wire.memory import LoginKey, LoginMemory
from probes.wire.route import Route
from probes.wire.transport import GuardedTransport

_log = logging.getLogger(__name__)
EXPIRING: Final = timedelta(days=14)
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
        self._limits = limits or Limits()
        self._proxy = proxy
        self._nat64 = nat64
        self._transport = GuardedTransport(user_agent=user_agent, limits=self._limits)
        self._logins = LoginMemory()
        self._exchanges = Exchanges(self._transport, self._limits)

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
        run = _Run(self._transport, plan, secret, self._limits, Route.of(plan.site, self._proxy, self._nat64))
        key = _login_key(plan, secret, run.route)
        memory = self._logins.recall(key, run.started) if key else None
        try:
            login = await self._exchanged(plan, secret, run) if secret.provider else secret
            done = await run.converse(start(plan, login, memory))
        except ExchangeRefused as error:
            done = _without_login(plan, error.refusal)
        except Exception as error:  # noqa: BLE001 - a verdict is owed whatever we did wrong
            _log.exception("the check of %s failed in the engine", plan.reference)
            done = _own_fault(plan, error)
        if key and done.memory is not None:
            self._logins.learn(key, done.memory, run.started)  # a token is no older than the check
        if secret.provider and done.conclusion.reason in _LOGIN_REFUSED:
            self._exchanges.doubt(secret, registry=_registry_of(plan), route=run.route)
        return run.outcome(done)

    async def _exchanged(self, plan: Plan, secret: Secret, run: "_Run") -> Secret:
        """Return what a provider gives for `secret`; as it is where the check ends before any packet anyway."""
        if isinstance(start(plan), Done):
            return secret
        return await self._exchanges.login_for(
            secret, registry=_registry_of(plan), route=run.route, deadline=run.deadline, records=run.records
        )


class _Run:
    """One check under way: its clock and its records by ask id."""

    def __init__(self, transport: GuardedTransport, plan: Plan, secret: Secret, limits: Limits, route: Route) -> None:
        self.transport = transport
        self.plan = plan
        self.identity_pem = secret.client_identity
        self.limits = limits
        self.route = route
        self.registry = ""
        self.started_at = datetime.now(UTC)
        self.started = asyncio.get_running_loop().time()
        self.deadline = self.started + plan.timeout_seconds
        self.records: list[tuple[Ask, Event, ExchangeRecord]] = []

    async def converse(self, move: Send | Done) -> Done:
        """Carry the conversation to its end. Exchanges that it no longer waits for are cancelled."""
        pending: set[asyncio.Task[Event]] = set()
        if isinstance(move, Send):
            self.registry = move.state.registry.netloc
        try:
            while isinstance(move, Send):
                if len(move.asks) == 1 and not pending:
                    event = await self.exchange(move.asks[0])  # the usual case needs no task
                    move = advance(move.state, event)
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
            further = advance(move.state, task.result())
            if isinstance(further, Done):
                return further
            asks += further.asks
            move = further
        return replace(move, asks=tuple(asks))

    async def exchange(self, ask: Ask) -> Event:
        if ask.delay_seconds:
            remaining = self.deadline - asyncio.get_running_loop().time()
            await asyncio.sleep(max(0.0, min(ask.delay_seconds, remaining)))
        event, record = await perform(
            self.transport,
            ask,
            self.route,
            self.limits,
            self.deadline,
            identity_pem=self.identity_pem,
            registry=self.registry,
        )
        self.records.append((ask, event, record))
        return event

    def outcome(self, done: Done) -> Outcome:
        """Put the conclusion and the records together."""
        loop = asyncio.get_running_loop()
        self.records.sort(key=lambda entry: entry[0].id)
        certificates = {record.host: record.certificate for _, _, record in self.records if record.certificate}
        return Outcome(
            reference=self.plan.reference,
            conclusion=self.with_warnings(done.conclusion, certificates.values()),
            started_at=self.started_at,
            duration_ms=round((loop.time() - self.started) * 1000, 1),
            requests=len(self.records),
            bytes_read=sum(record.bytes for _, _, record in self.records),
            connection=self.connection,
            proxy=self.route.proxy.netloc if self.route.proxy else None,
            certificates=tuple(certificates.values()),
            steps=tuple(_step(*entry, done.secrets) for entry in self.records),
        )

    @property
    def connection(self) -> ConnectionKind | None:
        kinds = {record.connection for _, _, record in self.records}
        return "new" if "new" in kinds else "reused" if "reused" in kinds else None

    def with_warnings(self, conclusion: Conclusion, certificates: Iterable[Certificate]) -> Conclusion:
        """Return the conclusion with the warnings that only the wire can give."""
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


def _step(ask: Ask, event: Event, record: ExchangeRecord, secrets: tuple[str, ...]) -> Step:
    return Step(
        stage=ask.stage,
        method=ask.method,
        url=scrub_url(redact(ask.url), secrets),
        host=record.host,
        address=record.address,
        http_status=record.http_status,
        error=event.kind.value if isinstance(event, Fault) else None,
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


def _login_key(plan: Plan, secret: Secret, route: Route) -> LoginKey | None:
    """Return under which key a login may be remembered; None when the reference names nothing."""
    try:
        reference = parse_reference(plan.reference)
    except ReferenceInvalid:
        return None
    fingerprint = secret.fingerprint
    if not (secret == ANONYMOUS or fingerprint):
        fingerprint = hashlib.sha256(secret.material).hexdigest()
    return (plan.site.api_host or reference.api_host, reference.repository, fingerprint, route.profile)
