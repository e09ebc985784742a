"""The line to a provider: requests over the guarded transport, and what it means when one of them fails.

Source: behaviour rows T7, T20 to T22, T24 to T28, read for a provider in the token service's place.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import urlencode

from probes.protocol.errors import TRANSIENT_STATUSES, clean_text, read_error, retry_at, token_refusal
from probes.protocol.exchange import Ask, Event, Fault, FaultKind, Method, Reply
from probes.protocol.json_members import read_json
from probes.protocol.manifest import looks_like_html
from probes.protocol.plan import Secret
from probes.protocol.redaction import echoes, scrub
from probes.protocol.taxonomy import Reason, Retry, Stage
from probes.protocol.token import is_bearer
from probes.protocol.urls import origin_of
from probes.wire.cooldown import Patience
from probes.wire.exchange import Record, perform, recorded
from probes.wire.exchangers.threads import Threads
from probes.wire.limits import Limits
from probes.wire.route import Route
from probes.wire.transport import GuardedTransport

T = TypeVar("T")

PAUSE_SECONDS: Final = 0.5
_FIRST_ID: Final = -100  # the conversation counts its asks from 0, and these come before
_RENAMED: Final = {
    FaultKind.ADDRESS_FORBIDDEN: Reason.TARGET_FORBIDDEN,
    FaultKind.BODY_TOO_LARGE: Reason.AUTH_TOKEN_TOO_LARGE,
    FaultKind.CONNECT_TIMEOUT: Reason.AUTH_SERVICE_TIMEOUT,
    FaultKind.TIMEOUT_HEADERS: Reason.AUTH_SERVICE_TIMEOUT,
    FaultKind.TIMEOUT_BODY: Reason.AUTH_SERVICE_TIMEOUT,
    FaultKind.TIMEOUT_TOTAL: Reason.AUTH_SERVICE_TIMEOUT,
    FaultKind.ABORTED: Reason.PROBE_ABORTED,
    FaultKind.INTERNAL: Reason.INTERNAL_ERROR,
}
_FINAL: Final = frozenset(
    {Reason.AUTH_TOKEN_TOO_LARGE, Reason.PROTOCOL_ERROR, Reason.PROBE_ABORTED, Reason.INTERNAL_ERROR}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why there is no login: fit to show, without anything secret. `host` is the provider's, or the registry's."""

    reason: Reason
    host: str
    detail: str = ""
    hint: str = ""  # in place of the reason's own
    retry_at: datetime | None = None


class ExchangeRefused(Exception):
    """There is no login to be had, and `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.reason.value}: {refusal.host}: {refusal.detail}")
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Lease:
    """A login and when it runs out, by the provider's word."""

    secret: Secret
    expires_at: datetime


class Line:
    """The requests of one exchange, on terms of the check's route, all of them before `deadline` (the loop's clock).

    They heed and make the pauses of the secret that is exchanged, as its checks do (`patience`). `records` holds what
    was asked, as the driver keeps it of a check, and `host` who was asked last. A text that was given to `hide` is in
    no refusal, whoever echoes it.
    """

    def __init__(
        self,
        transport: GuardedTransport,
        route: Route,
        limits: Limits,
        threads: Threads,
        patience: Patience,
        *,
        provider: str,
        host: str,
        deadline: float,
    ) -> None:
        self.records: list[Record] = []
        self.host = host
        self._transport = transport
        self._route = route
        self._limits = limits
        self._threads = threads
        self._patience = patience
        self._provider = provider
        self._deadline = deadline
        self._hidden: tuple[str, ...] = ()

    @property
    def left_seconds(self) -> float:
        return self._deadline - asyncio.get_running_loop().time()

    def hide(self, *texts: str) -> None:
        self._hidden = (*self._hidden, *(echo for text in texts for echo in echoes(text)))

    async def in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do `work` of a provider's library, which computes or blocks, where it holds nobody up."""
        return await self._threads.run(self._provider, work, *arguments)

    async def post(
        self,
        url: str,
        *,
        form: dict[str, str] | None = None,
        body: bytes = b"",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> Reply:
        """Post a form, or a body with its headers; raise `ExchangeRefused` as `ask` does."""
        if form is not None:
            body = urlencode(form).encode()
            headers = (("Accept", "application/json"), ("Content-Type", "application/x-www-form-urlencoded"))
        return await self.ask("POST", url, body=body, headers=headers)

    async def ask(
        self, method: Method, url: str, *, body: bytes = b"", headers: tuple[tuple[str, str], ...] = ()
    ) -> Reply:
        """Return the provider's answer, good or bad, but nothing that it did not mean: once over again if it helps.

        Raises `ExchangeRefused` for silence, redirects, throttling and errors of the service.
        """
        self.host = self._https_host(url)
        reply, failure = await self._once(method, url, body, headers)
        if failure is not None and _is_worth_a_retry(failure):
            await asyncio.sleep(min(PAUSE_SECONDS, max(self.left_seconds, 0)))
            reply, failed_again = await self._once(method, url, body, headers)
            failure = failure if failed_again else None
        if failure is not None:
            raise ExchangeRefused(failure)
        assert isinstance(reply, Reply)  # noqa: S101 - a fault is a failure
        return reply

    def document(self, url: str, reply: Reply) -> dict[str, Any]:
        """Return the JSON object of a reply with status 200. Raises `ExchangeRefused`."""
        if reply.status != 200:
            self.refused(url, reply)
        try:
            document = read_json(reply.body)
        except ValueError:
            what = "an HTML page" if looks_like_html(reply.body) else "no JSON"
            self.fail(url, Reason.AUTH_TOKEN_NOT_JSON, f"the provider sent {what}")
        if not isinstance(document, dict):
            self.fail(url, Reason.AUTH_TOKEN_NOT_JSON, "the provider sent no JSON object")
        return document

    def token(self, url: str, value: object) -> str:
        """Return a token out of an answer, hidden from now on. Raises `ExchangeRefused` when it is none."""
        if not value:
            self.fail(url, Reason.AUTH_TOKEN_EMPTY, "the answer holds no token")
        if not isinstance(value, str) or not is_bearer(value):
            self.fail(url, Reason.AUTH_TOKEN_INVALID, "the token holds what no login may hold")
        self.hide(value)
        return value

    def refused(self, url: str, reply: Reply, reason: Reason | None = None) -> NoReturn:
        """Raise what an answer means that is no success; `reason` where the provider's own code tells."""
        error = read_error(reply.body)
        reason = reason or token_refusal(reply, error, has_login=True)
        self.fail(url, reason, error.shown(reply.status))

    def fail(self, url: str, reason: Reason, detail: str = "", *, hint: str = "") -> NoReturn:
        raise ExchangeRefused(self._refusal(url, reason, detail, hint=hint))

    async def _once(
        self, method: Method, url: str, body: bytes, headers: tuple[tuple[str, str], ...]
    ) -> tuple[Event, Refusal | None]:
        ask = Ask(
            id=_FIRST_ID + len(self.records),
            method=method,
            url=url,
            stage=Stage.TOKEN,
            headers=headers,
            body=body,
            limit_bytes=self._limits.check.token_bytes,
            fresh_connection=bool(self.records and self.records[-1][1]),
        )
        loop = asyncio.get_running_loop()
        sent = loop.time()
        event: Event | None = self._patience.waiting(ask, sent)
        if event is None:
            event, record = await perform(self._transport, ask, self._route, self._limits, self._deadline)
            self._patience.note(ask, event, sent=sent, now=loop.time())
            self.records.append(recorded(ask, event, record))
        return event, self._failure(ask, event)

    def _failure(self, ask: Ask, event: Event) -> Refusal | None:
        url = ask.url
        if isinstance(event, Fault):
            reason = _RENAMED.get(event.kind) or Reason(event.kind.value)
            return self._refusal(url, reason, event.detail, retry_at=event.retry_at)
        if 300 <= event.status < 400:
            return self._refusal(url, Reason.AUTH_REDIRECT, "the provider redirects, and keys do not follow")
        shown = read_error(event.body).shown(event.status)
        if event.status == 429:
            until = retry_at(event) or self._patience.retry_at(ask)
            return self._refusal(url, Reason.RATE_LIMITED_AUTH, shown, retry_at=until)
        if event.status in TRANSIENT_STATUSES:
            return self._refusal(url, Reason.AUTH_SERVICE_ERROR, shown)
        return None

    def _refusal(
        self, url: str, reason: Reason, detail: str, *, hint: str = "", retry_at: datetime | None = None
    ) -> Refusal:
        detail = scrub(clean_text(detail), self._hidden)
        return Refusal(reason=reason, host=origin_of(url).netloc, detail=detail, hint=hint, retry_at=retry_at)

    def _https_host(self, url: str) -> str:
        origin = origin_of(url)
        if origin.scheme != "https":
            self.fail(url, Reason.AUTH_REALM_FORBIDDEN, "a key travels by https only")
        return origin.netloc


def _is_worth_a_retry(refusal: Refusal) -> bool:
    return refusal.reason.meaning.retry in (Retry.ONCE, Retry.YES) and refusal.reason not in _FINAL
