"""The account of one check under way: its clock, its exchanges, and what is recorded of them.

Whatever is checked is asked here, so one place waits for those who throttle us, and one hides what is secret.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from probes.protocol.check import CheckPlan
from probes.protocol.conversation import Done
from probes.protocol.exchange import Ask, Event
from probes.protocol.outcome import Certificate, Conclusion, ConnectionKind, Outcome, Step
from probes.protocol.plan import Secret
from probes.protocol.redaction import scrub, scrub_host, scrub_url
from probes.protocol.taxonomy import Reason, Warn
from probes.protocol.urls import Origin, origin_of, redact
from probes.wire.cooldown import Patience
from probes.wire.exchange import ExchangeRecord, Record, perform, recorded
from probes.wire.flights import Landed
from probes.wire.limits import Limits
from probes.wire.route import Route
from probes.wire.transport import GuardedTransport

EXPIRING: Final = timedelta(days=14)
_THROTTLED: Final = frozenset(
    {Reason.RATE_LIMITED, Reason.RATE_LIMITED_AUTH, Reason.RATE_LIMITED_UPSTREAM, Reason.ENDPOINT_THROTTLED}
)


class Account:
    """One check under way: its clock and its records by ask id."""

    def __init__(
        self,
        transport: GuardedTransport,
        plan: CheckPlan,
        secret: Secret,
        limits: Limits,
        route: Route,
        patience: Patience,
    ) -> None:
        self.transport = transport
        self.secret = secret
        self.limits = limits
        self.route = route
        self.patience = patience
        self.registry = ""  # on whose behalf names are resolved
        self.redialled: set[Origin] = set()
        self.started_at = datetime.now(UTC)
        self.started = asyncio.get_running_loop().time()
        self.deadline = self.started + plan.timeout_seconds
        self.records: list[Record] = []
        self._plan = plan

    async def exchange(self, ask: Ask) -> Event:
        """Return what comes of an ask, or what becomes of it while whoever is asked throttles us."""
        loop = asyncio.get_running_loop()
        if ask.delay_seconds:
            remaining = self.deadline - loop.time()
            await asyncio.sleep(max(0.0, min(ask.delay_seconds, remaining)))
        if waiting := self.patience.waiting(ask, loop.time()):
            return waiting
        landed = await self.landing(ask)
        self.records.append(recorded(ask, *landed))
        return landed.event

    async def landing(self, ask: Ask) -> Landed:
        """Return what comes of the ask's own request."""
        return await self.perform(ask)

    async def perform(self, ask: Ask) -> Landed:
        """Make the request, and take account of whether it was one too many."""
        loop = asyncio.get_running_loop()
        sent = loop.time()
        if self._plan.fresh and (origin := origin_of(ask.url)) not in self.redialled:
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
        self.patience.note(ask, landed.event, sent=sent, now=loop.time())
        return landed

    def outcome(self, done: Done) -> Outcome:
        """Put the conclusion and the records together."""
        loop = asyncio.get_running_loop()
        self.records.sort(key=lambda entry: entry[0].id)
        certificates = {record.host: record.certificate for _, _, record in self.records if record.certificate}
        return Outcome(
            reference=self._plan.reference,
            conclusion=self.completed(done.conclusion, certificates.values()),
            started_at=self.started_at,
            duration_ms=round((loop.time() - self.started) * 1000, 1),
            requests=sum(not record.is_shared for _, _, record in self.records),
            bytes_read=sum(record.bytes for _, _, record in self.records),
            kind=self._plan.kind,
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
        return self.patience.retry_at(throttled[-1]) if throttled else None

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
        request_id=scrub(record.request_id, secrets) if record.request_id else None,
    )
