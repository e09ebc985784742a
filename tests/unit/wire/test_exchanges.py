"""Logins in hand: one exchange at a time, renewed before their end, and failures that do not last."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from probes.protocol.plan import Secret
from probes.protocol.provider import AcrKey, EcrKey, Provider
from probes.protocol.taxonomy import Reason
from probes.wire.cooldown import CoolDowns
from probes.wire.exchangers.exchanges import (
    DOUBT_SECONDS,
    FAILURE_SECONDS,
    MAX_ENTRIES,
    MAX_LEASE_SECONDS,
    MIN_LEASE_SECONDS,
    Exchanges,
)
from probes.wire.exchangers.line import ExchangeRefused, Lease, Line, Refusal
from probes.wire.exchangers.threads import THREADS
from probes.wire.limits import Limits
from probes.wire.route import PUBLIC_INTERNET, Route
from probes.wire.transport import GuardedTransport

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = '{"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "to-look-for"}'
STORED = Secret(provider="ecr", provider_key=KEY, fingerprint="stored-1")
REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
REFUSED = Refusal(reason=Reason.AUTH_BAD_CREDENTIALS, host="api.ecr")


@dataclass
class Provided:
    """A provider without a network, whose clock the test moves. `fails` is what it raises instead."""

    lifetime_seconds: float = 3600.0
    seconds: float = 1000.0
    count: int = 0
    fails: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()
        self.exchanges = Exchanges(
            GuardedTransport(Limits(), "kairos-test"),
            Limits(),
            CoolDowns(10),
            exchangers={Provider.ECR: self.exchange},
            now=self.now,
            clock=lambda: self.seconds,
        )

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    async def exchange(self, key: EcrKey, registry: str, line: Line) -> Lease:
        assert key.secret_access_key == "to-look-for"
        self.count += 1
        number = self.count
        await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        expires_at = self.now() + timedelta(seconds=self.lifetime_seconds)
        return Lease(Secret(username="AWS", password=f"password-{number}"), expires_at)

    async def password(
        self, stored: Secret = STORED, *, registry: str = REGISTRY, route: Route = PUBLIC_INTERNET, seconds: float = 5
    ) -> str:
        deadline = asyncio.get_running_loop().time() + seconds
        login = await self.exchanges.login_for(stored, registry=registry, route=route, deadline=deadline, records=[])
        assert login.fingerprint == stored.fingerprint
        return login.password

    async def reason(self, **options: float) -> Reason:
        with pytest.raises(ExchangeRefused) as refused:
            await self.password(**options)  # type: ignore[arg-type]  # as of `password`
        return refused.value.refusal.reason

    async def settle(self) -> None:
        """Let what is under way in the background come to its end."""
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
async def provided() -> AsyncIterator[Provided]:
    made = Provided()
    yield made
    await made.exchanges.aclose()


async def test_login_in_hand_is_handed_out_until_a_tenth_before_its_end(provided: Provided) -> None:
    assert await provided.password() == "password-1"
    provided.seconds += 3600 * 0.9 - 1
    assert await provided.password() == "password-1"
    await provided.settle()
    assert provided.count == 1


async def test_login_near_its_end_is_renewed_while_it_still_serves(provided: Provided) -> None:
    await provided.password()
    provided.seconds += 3600 * 0.9 + 1
    assert await provided.password() == "password-1"
    await provided.settle()
    assert await provided.password() == "password-2"
    assert provided.count == 2


async def test_short_login_is_renewed_a_minute_before_its_end(provided: Provided) -> None:
    provided.lifetime_seconds = 180
    await provided.password()
    provided.seconds += 121
    await provided.password()
    await provided.settle()
    assert await provided.password() == "password-2"


@pytest.mark.parametrize("lifetime_seconds", [60.0, 30.0])
async def test_login_that_hardly_lasts_is_not_exchanged_at_each_check(
    provided: Provided, lifetime_seconds: float
) -> None:
    """T16: a minute is what is assumed of a token that does not say."""
    provided.lifetime_seconds = lifetime_seconds
    for _ in range(60):
        await provided.password()
        await provided.settle()
        provided.seconds += 1
    assert provided.count <= 4


async def test_login_that_has_run_out_is_exchanged_before_it_is_handed_out(provided: Provided) -> None:
    await provided.password()
    provided.seconds += 3600
    assert await provided.password() == "password-2"


async def test_failed_renewal_leaves_the_login_in_hand_and_is_not_tried_at_once_again(provided: Provided) -> None:
    await provided.password()
    provided.fails = ExchangeRefused(REFUSED)
    provided.seconds += 3500
    for _ in range(3):
        assert await provided.password() == "password-1"
        await provided.settle()
    assert provided.count == 2
    provided.seconds += 100
    assert await provided.reason() is Reason.AUTH_BAD_CREDENTIALS


async def test_checks_at_the_same_time_share_one_exchange(provided: Provided) -> None:
    """T32."""
    provided.gate.clear()
    waiting = [asyncio.create_task(provided.password()) for _ in range(5)]
    await provided.settle()
    provided.gate.set()
    assert await asyncio.gather(*waiting) == ["password-1"] * 5
    assert provided.count == 1


async def test_check_that_leaves_does_not_take_the_exchange_from_the_others(provided: Provided) -> None:
    provided.gate.clear()
    first, second = (asyncio.create_task(provided.password()) for _ in range(2))
    await provided.settle()
    first.cancel()
    await provided.settle()
    provided.gate.set()
    assert await second == "password-1"
    assert first.cancelled()


async def test_failure_reaches_all_who_wait_and_stands_for_half_a_minute(provided: Provided) -> None:
    provided.gate.clear()
    provided.fails = ExchangeRefused(REFUSED)
    waiting = [asyncio.create_task(provided.reason()) for _ in range(3)]
    await provided.settle()
    provided.gate.set()
    assert set(await asyncio.gather(*waiting)) == {Reason.AUTH_BAD_CREDENTIALS}
    provided.fails = None
    provided.seconds += FAILURE_SECONDS - 1
    assert await provided.reason() is Reason.AUTH_BAD_CREDENTIALS
    assert provided.count == 1
    provided.seconds += 2
    assert await provided.password() == "password-2"


async def test_provider_that_throttles_is_left_alone_until_it_will_have_us(provided: Provided) -> None:
    """E13: and the outcome says until when."""
    retry_at = provided.now() + timedelta(seconds=120)
    provided.fails = ExchangeRefused(replace(REFUSED, reason=Reason.RATE_LIMITED_AUTH, retry_at=retry_at))
    assert await provided.reason() is Reason.RATE_LIMITED_AUTH
    provided.fails = None
    provided.seconds += 119
    assert await provided.reason() is Reason.RATE_LIMITED_AUTH
    assert provided.count == 1
    provided.seconds += 2
    assert await provided.password() == "password-2"


async def test_exchange_that_outlasts_a_check_serves_the_next(provided: Provided) -> None:
    provided.gate.clear()
    assert await provided.reason(seconds=0.01) is Reason.AUTH_SERVICE_TIMEOUT
    provided.gate.set()
    assert await provided.password() == "password-1"


async def test_exchange_has_its_own_end(provided: Provided, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.wire.exchangers.exchanges.EXCHANGE_SECONDS", 0.01)
    provided.gate.clear()
    assert await provided.reason() is Reason.AUTH_SERVICE_TIMEOUT


async def test_fault_of_a_library_is_ours_and_not_repeated(
    provided: Provided, caplog: pytest.LogCaptureFixture
) -> None:
    """E21, T35."""
    provided.fails = RuntimeError("cannot read to-look-for")
    with pytest.raises(ExchangeRefused) as refused:
        await provided.password()
    assert refused.value.refusal.reason is Reason.INTERNAL_ERROR
    assert refused.value.refusal.detail == "RuntimeError"
    assert refused.value.__suppress_context__
    assert "to-look-for" not in str(refused.value) + caplog.text


Change = Callable[[Provided], Awaitable[str]]


@pytest.mark.parametrize(
    "another",
    [
        lambda it: it.password(replace(STORED, fingerprint="stored-2")),
        lambda it: it.password(registry="210987654321.dkr.ecr.eu-west-1.amazonaws.com"),
        lambda it: it.password(route=replace(PUBLIC_INTERNET, profile="another")),
    ],
    ids=["secret", "registry", "route"],
)
async def test_logins_are_shared_across_nothing(provided: Provided, another: Change) -> None:
    await provided.password()
    assert await another(provided) == "password-2"


async def test_client_certificate_stays_with_the_login(provided: Provided) -> None:
    """For the registry, which is shown it; the provider never is."""
    stored = replace(STORED, client_identity="PEM")
    deadline = asyncio.get_running_loop().time() + 5
    login = await provided.exchanges.login_for(
        stored, registry=REGISTRY, route=PUBLIC_INTERNET, deadline=deadline, records=[]
    )
    assert (login.password, login.client_identity, login.provider) == ("password-1", "PEM", "")


async def test_secret_without_a_fingerprint_is_told_apart_by_what_it_holds(provided: Provided) -> None:
    bare = replace(STORED, fingerprint="")
    assert await provided.password(bare) == "password-1"
    assert await provided.password(bare) == "password-1"
    assert await provided.password(replace(bare, username="another")) == "password-2"


async def test_login_that_the_registry_refuses_is_exchanged_anew_but_not_at_every_check(provided: Provided) -> None:
    await provided.password()
    provided.exchanges.doubt(STORED, registry=REGISTRY, route=PUBLIC_INTERNET)
    assert await provided.password() == "password-1"
    provided.seconds += DOUBT_SECONDS
    provided.exchanges.doubt(STORED, registry=REGISTRY, route=PUBLIC_INTERNET)
    assert await provided.password() == "password-2"


async def test_lease_longer_than_any_provider_grants_is_not_believed(provided: Provided) -> None:
    provided.lifetime_seconds = 10 * MAX_LEASE_SECONDS
    await provided.password()
    provided.seconds += MAX_LEASE_SECONDS
    assert await provided.password() == "password-2"


@pytest.mark.parametrize("lifetime_seconds", [-7200.0, 0.0, 0.01])
async def test_login_that_is_over_on_arrival_is_not_exchanged_at_each_check(
    provided: Provided, lifetime_seconds: float
) -> None:
    """It may be our clock that is wrong: the registry, which is shown it, says what is left of it."""
    provided.lifetime_seconds = lifetime_seconds
    for _ in range(60):
        assert (await provided.password()).startswith("password-")
        await provided.settle()
        provided.seconds += 0.5
    assert provided.count <= 30 / (MIN_LEASE_SECONDS / 2)


async def test_login_that_is_over_on_arrival_makes_room_for_one_that_is_not(provided: Provided) -> None:
    provided.lifetime_seconds = -5
    assert await provided.password() == "password-1"
    provided.lifetime_seconds = 3600
    provided.seconds += MIN_LEASE_SECONDS
    assert await provided.password() == "password-2"


async def test_provider_that_hangs_leaves_the_others_their_threads() -> None:
    """S22, T20: a library that waits holds its thread, and whoever asks meanwhile takes one more."""
    gate = threading.Event()
    hung = [replace(STORED, fingerprint=str(number)) for number in range(THREADS + 1)]

    async def hanging(key: EcrKey, registry: str, line: Line) -> Lease:
        await line.in_thread(gate.wait)
        raise ExchangeRefused(REFUSED)

    async def computing(key: AcrKey, registry: str, line: Line) -> Lease:
        return Lease(Secret(password=await line.in_thread(str, 7)), datetime.now(UTC) + timedelta(hours=1))

    exchanges = Exchanges(
        GuardedTransport(Limits(), "kairos-test"),
        Limits(),
        CoolDowns(10),
        exchangers={Provider.ECR: hanging, Provider.ACR: computing},
    )
    deadline = asyncio.get_running_loop().time() + 5

    async def login(stored: Secret) -> Secret:
        return await exchanges.login_for(
            stored, registry=REGISTRY, route=PUBLIC_INTERNET, deadline=deadline, records=[]
        )

    waiting = [asyncio.create_task(login(stored)) for stored in hung]
    try:
        await asyncio.sleep(0.05)
        assert (await login(Secret(provider="acr", provider_key='{"aad_token": "x"}'))).password == "7"
    finally:
        gate.set()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        await exchanges.aclose()
    assert {type(error) for error in ended} == {ExchangeRefused}  # each had its turn


async def test_no_more_than_so_many_are_kept(provided: Provided) -> None:
    for number in range(MAX_ENTRIES + 1):
        await provided.password(replace(STORED, fingerprint=str(number)))
    assert await provided.password(replace(STORED, fingerprint=str(MAX_ENTRIES))) == f"password-{MAX_ENTRIES + 1}"
    assert await provided.password(replace(STORED, fingerprint="0")) == f"password-{MAX_ENTRIES + 2}"


async def test_closing_ends_what_is_under_way(provided: Provided) -> None:
    provided.gate.clear()
    waiting = asyncio.create_task(provided.reason())
    await provided.settle()
    await provided.exchanges.aclose()
    assert await waiting is Reason.PROBE_ABORTED
