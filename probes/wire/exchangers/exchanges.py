"""What was exchanged, kept for as long as it works: one exchange at a time for each key, renewed before its end."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final, Protocol

from probes.protocol.plan import Secret
from probes.protocol.provider import KeyInvalid, Provider, read_key
from probes.protocol.taxonomy import Reason
from probes.wire.cooldown import CoolDowns, Patience
from probes.wire.exchange import Record
from probes.wire.exchangers import acr, ecr, google
from probes.wire.exchangers.line import ExchangeRefused, Lease, Line, Refusal
from probes.wire.exchangers.threads import Threads
from probes.wire.limits import Limits
from probes.wire.memory import fingerprint_of
from probes.wire.route import Route
from probes.wire.transport import GuardedTransport

EXCHANGE_SECONDS: Final = 15.0  # for all requests of one exchange
FAILURE_SECONDS: Final = 30.0  # how long a failure stands for those who ask after it
DOUBT_SECONDS: Final = 300.0  # a login that the registry refuses is exchanged anew, but not more often than this
MIN_SKEW_SECONDS: Final = 60.0
MIN_LEASE_SECONDS: Final = 10.0  # how long a login serves at least, also one that is over on arrival
MAX_LEASE_SECONDS: Final = 12 * 3600.0  # the longest that a provider grants (ECR)
MAX_ENTRIES: Final = 1_000

_log = logging.getLogger(__name__)

Key = tuple[str, str, str]
"""The stored secret, the registry, the route's profile: nothing is shared across any of them."""


class Exchanger(Protocol):
    """Turns one provider's key into a login at `registry` (host and port). Raises `ExchangeRefused`."""

    async def __call__(self, key: Any, registry: str, line: Line) -> Lease: ...


EXCHANGERS: Final[Mapping[Provider, Exchanger]] = {
    Provider.ECR: ecr.exchange,
    Provider.GOOGLE: google.exchange,
    Provider.ACR: acr.exchange,
}


@dataclass(frozen=True, slots=True)
class _Kept:
    """A login in hand; instants on the monotonic clock."""

    secret: Secret
    since: float
    renew_at: float
    until: float


class Exchanges:
    """Logins by stored secret, registry and route. Belongs to one event loop, like the transport it asks through."""

    def __init__(
        self,
        transport: GuardedTransport,
        limits: Limits,
        cool_downs: CoolDowns,
        *,
        exchangers: Mapping[Provider, Exchanger] = EXCHANGERS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._transport = transport
        self._limits = limits
        self._cool_downs = cool_downs
        self._exchangers = exchangers
        self._now = now
        self._clock = clock
        self._threads = Threads()
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._refused: OrderedDict[Key, tuple[float, Refusal]] = OrderedDict()
        self._under_way: dict[Key, tuple[asyncio.Task[Secret], Line]] = {}

    async def login_for(
        self, secret: Secret, *, registry: str, route: Route, deadline: float, records: list[Record]
    ) -> Secret:
        """Return the login that `secret` stands for, in hand or exchanged before `deadline` (the loop's clock).

        It keeps the fingerprint and the client certificate of `secret`. What was asked on the way is added to
        `records` of the one check that began the exchange. Raises `ExchangeRefused`.
        """
        key = _key(secret, registry, route)
        now = self._clock()
        kept = self._kept.get(key)
        if kept is not None and now < kept.until:
            self._kept.move_to_end(key)
            if now >= kept.renew_at and key not in self._under_way and self._refusal(key, now) is None:
                self._begin(key, secret, registry, route)  # the login in hand still serves meanwhile
            return kept.secret
        began = key not in self._under_way
        if began:
            if (refusal := self._refusal(key, now)) is not None:
                raise ExchangeRefused(refusal)
            self._begin(key, secret, registry, route)
        task, line = self._under_way[key]
        try:
            # Not cancelled with the check that waits: others may be waiting, and what it brings is for later ones.
            left_seconds = deadline - asyncio.get_running_loop().time()
            await asyncio.wait({task}, timeout=max(left_seconds, 0))
        finally:
            if began:
                records.extend(line.records)
        if not task.done():
            detail = "the exchange outlasts the check"
            raise ExchangeRefused(Refusal(reason=Reason.AUTH_SERVICE_TIMEOUT, host=line.host, detail=detail))
        if task.cancelled():
            raise ExchangeRefused(Refusal(reason=Reason.PROBE_ABORTED, host=line.host))
        return task.result()

    def doubt(self, secret: Secret, *, registry: str, route: Route) -> None:
        """Exchange anew for the next check, unless that was just done: the registry does not take the login."""
        key = _key(secret, registry, route)
        kept = self._kept.get(key)
        if kept is not None and self._clock() >= kept.since + DOUBT_SECONDS:
            del self._kept[key]

    async def aclose(self) -> None:
        """End the exchanges that are under way."""
        tasks = [task for task, _ in self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._threads.close()

    def _refusal(self, key: Key, now: float) -> Refusal | None:
        until, refusal = self._refused.get(key, (0.0, None))
        return refusal if now < until else None

    def _begin(self, key: Key, secret: Secret, registry: str, route: Route) -> None:
        deadline = asyncio.get_running_loop().time() + EXCHANGE_SECONDS
        line = Line(
            self._transport,
            route,
            self._limits,
            self._threads,
            Patience(self._cool_downs, route.profile, fingerprint_of(secret)),
            provider=secret.provider,
            host=registry,
            deadline=deadline,
        )
        task = asyncio.create_task(self._exchange(key, secret, registry, line))
        self._under_way[key] = task, line
        task.add_done_callback(lambda _: self._ended(key, task))

    def _ended(self, key: Key, task: asyncio.Task[Secret]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # looked at, also when nobody waits any more

    async def _exchange(self, key: Key, secret: Secret, registry: str, line: Line) -> Secret:
        try:
            async with asyncio.timeout(EXCHANGE_SECONDS):
                lease = await self._ask(secret, registry, line)
        except TimeoutError:
            detail = f"no answer in {EXCHANGE_SECONDS:g} seconds"
            refusal = Refusal(reason=Reason.AUTH_SERVICE_TIMEOUT, host=line.host, detail=detail)
        except ExchangeRefused as error:
            refusal = error.refusal
        except Exception as error:  # noqa: BLE001 - of a library, whose words may repeat the key
            refusal = Refusal(reason=Reason.INTERNAL_ERROR, host=line.host, detail=type(error).__name__)
        else:
            kept = {"fingerprint": secret.fingerprint, "client_identity": secret.client_identity}
            login = replace(lease.secret, **kept)
            self._keep(key, login, (lease.expires_at - self._now()).total_seconds())
            return login
        _log.warning("no %s login for %s: %s: %s", secret.provider, registry, refusal.reason.value, refusal.detail)
        _put(self._refused, key, (self._clock() + self._standing_seconds(refusal), refusal))
        raise ExchangeRefused(refusal) from None

    def _standing_seconds(self, refusal: Refusal) -> float:
        """Return how long a failure stands: of a provider that throttles us, until it will have us (row E13)."""
        asked = (refusal.retry_at - self._now()).total_seconds() if refusal.retry_at else 0.0
        return max(FAILURE_SECONDS, asked)

    async def _ask(self, secret: Secret, registry: str, line: Line) -> Lease:
        try:
            key = read_key(secret.provider, secret.provider_key)
            line.hide(*key.hidden)
            return await self._exchangers[Provider(secret.provider)](key, registry, line)
        except KeyInvalid as error:
            hint = f"The stored {secret.provider} key cannot be used ({error}). Store it again."
            raise ExchangeRefused(Refusal(reason=Reason.TARGET_FORBIDDEN, host=registry, hint=hint)) from None
        except ModuleNotFoundError as error:
            hint = (
                f"This worker cannot log in by {secret.provider}: it lacks {(error.name or '').partition('.')[0]}. "
                "Install requirements-cloud.txt there."
            )
            raise ExchangeRefused(Refusal(reason=Reason.TARGET_FORBIDDEN, host=registry, hint=hint)) from None

    def _keep(self, key: Key, login: Secret, lifetime_seconds: float) -> None:
        """Keep a login. By our clock it may be over already; what the registry makes of it is the registry's word."""
        now = self._clock()
        lifetime = min(max(lifetime_seconds, MIN_LEASE_SECONDS), MAX_LEASE_SECONDS)
        skew = min(max(MIN_SKEW_SECONDS, lifetime / 10), lifetime / 2)
        self._refused.pop(key, None)
        _put(self._kept, key, _Kept(login, since=now, renew_at=now + lifetime - skew, until=now + lifetime))


def _key(secret: Secret, registry: str, route: Route) -> Key:
    return fingerprint_of(secret), registry, route.profile


def _put(entries: OrderedDict[Key, Any], key: Key, value: object) -> None:
    entries[key] = value
    entries.move_to_end(key)
    if len(entries) > MAX_ENTRIES:
        entries.popitem(last=False)
