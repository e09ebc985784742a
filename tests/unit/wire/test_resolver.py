"""DNS shared out: names whose servers are dead hold threads, and must not hold everybody's."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from probes.protocol.exchange import FaultKind
from probes.wire.faults import WireFault
from probes.wire.resolver import OTHER_SEATS, PROMPT_SEATS, SEATS_OF_ONE, Resolver

PATIENCE_SECONDS = 0.05


class Dns:
    """Answers at once, except for names with `dead` in them: those hang until `revive`, as in libc."""

    def __init__(self) -> None:
        self.hanging: list[str] = []
        self.most_at_once = 0
        self.asked: list[str] = []
        self._lock = threading.Lock()
        self._revived = threading.Event()

    def getaddrinfo(self, host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        with self._lock:
            self.asked.append(host)
        if "dead" in host:
            with self._lock:
                self.hanging.append(host)
                self.most_at_once = max(self.most_at_once, len(self.hanging))
            self._revived.wait(20)
            with self._lock:
                self.hanging.remove(host)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(0, 0, 0, "", ("192.0.2.1", 0))]

    def revive(self) -> None:
        self._revived.set()


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dns]:
    dns = Dns()
    monkeypatch.setattr("probes.wire.resolver.socket.getaddrinfo", dns.getaddrinfo)
    yield dns
    dns.revive()


@pytest.fixture
async def resolver(dns: Dns) -> AsyncIterator[Resolver]:
    resolver = Resolver(PATIENCE_SECONDS)
    await resolver.addresses("warm.example")
    yield resolver
    dns.revive()
    await resolver.aclose()


async def asked(resolver: Resolver, host: str, registry: str = "", seconds: float = 5) -> object:
    """Return the addresses, or how they failed to come within the time."""
    try:
        async with asyncio.timeout(seconds):
            return await resolver.addresses(host, asked_for=registry or host)
    except TimeoutError:
        return "late"
    except WireFault as fault:
        return fault.kind


async def test_thousands_of_dead_names_of_one_domain_starve_nobody(resolver: Resolver, dns: Dns) -> None:
    """S22, N3."""
    dead = [asyncio.create_task(asked(resolver, f"r{number}.dead.example", seconds=0.5)) for number in range(2000)]
    await asyncio.sleep(2 * PATIENCE_SECONDS)
    living = await asyncio.gather(*(asked(resolver, f"registry-{number}.test") for number in range(500)))

    assert set(living) == {("192.0.2.1",)}
    assert set(await asyncio.gather(*dead)) == {"late"}
    assert dns.most_at_once == SEATS_OF_ONE


async def test_a_registry_that_sends_us_to_thousands_of_domains_starves_only_itself(
    resolver: Resolver, dns: Dns
) -> None:
    """S22."""
    dead = [
        asyncio.create_task(asked(resolver, f"dead-{number}.test", "hostile.example", seconds=0.5))
        for number in range(2000)
    ]
    await asyncio.sleep(2 * PATIENCE_SECONDS)
    living = await asyncio.gather(*(asked(resolver, f"registry-{number}.test") for number in range(500)))

    assert set(living) == {("192.0.2.1",)}
    assert set(await asyncio.gather(*dead)) == {"late"}
    assert dns.most_at_once == SEATS_OF_ONE


async def test_many_registries_that_die_at_once_do_not_take_the_seats_of_those_that_answer(
    resolver: Resolver, dns: Dns
) -> None:
    """S22: though there are more of them than threads."""
    living = [f"registry-{number}.test" for number in range(200)]
    for host in living:
        await asked(resolver, host)
    dead = [asyncio.create_task(asked(resolver, f"dead-{number}.test")) for number in range(1000)]
    while len(dns.hanging) < OTHER_SEATS:  # noqa: ASYNC110 - threads ring no bell
        await asyncio.sleep(0.005)
    answers = [await asked(resolver, host) for host in living]

    assert set(answers) == {("192.0.2.1",)}
    assert dns.most_at_once == OTHER_SEATS
    dns.revive()
    await asyncio.gather(*dead)


async def test_a_domain_that_begins_to_hang_moves_over(resolver: Resolver, dns: Dns) -> None:
    names = [f"host.dead-{number}.test" for number in range(PROMPT_SEATS)]
    for name in names:  # they answered the last time
        resolver._note(name.partition(".")[2], is_prompt=True)  # noqa: SLF001
    await asked(resolver, "registry.test")
    dead = [asyncio.create_task(asked(resolver, name, seconds=2)) for name in names]
    while len(dns.hanging) < PROMPT_SEATS:  # noqa: ASYNC110 - threads ring no bell
        await asyncio.sleep(0.005)

    assert await asked(resolver, "registry.test") == ("192.0.2.1",)
    dns.revive()
    await asyncio.gather(*dead)


async def test_what_nobody_waits_for_any_more_is_not_looked_up(resolver: Resolver, dns: Dns) -> None:
    names = [f"r{number}.dead.example" for number in range(100)]
    await asyncio.gather(*(asked(resolver, name, seconds=0.1) for name in names))
    dns.revive()
    while dns.hanging:  # noqa: ASYNC110 - threads ring no bell
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)

    assert sum("dead" in host for host in dns.asked) == SEATS_OF_ONE
    assert resolver._asked == {}  # noqa: SLF001


async def test_who_asks_anew_after_others_gave_up_gets_an_answer(resolver: Resolver, dns: Dns) -> None:
    """A lookup that was dropped is not joined."""
    blocking = [asyncio.create_task(asked(resolver, f"r{n}.dead.example")) for n in range(SEATS_OF_ONE)]
    await asyncio.sleep(PATIENCE_SECONDS)
    first = asyncio.create_task(resolver.addresses("late.dead.example"))
    await asyncio.sleep(0)
    first.cancel()
    second = asyncio.create_task(asked(resolver, "late.dead.example", seconds=5))
    await asyncio.gather(first, *blocking, return_exceptions=True)
    dns.revive()

    assert await second is FaultKind.DNS_TEMPORARY


async def test_askers_at_one_time_share_an_answer(resolver: Resolver, dns: Dns) -> None:
    answers = await asyncio.gather(*(asked(resolver, "registry.test") for _ in range(50)))

    assert set(answers) == {("192.0.2.1",)}
    assert dns.asked.count("registry.test") == 1


async def test_resolver_that_closes_leaves_no_lookup_behind(dns: Dns) -> None:
    """Neither one that hangs in libc, nor one that waits for a seat, nor one that was given up just before."""
    before = asyncio.all_tasks()
    resolver = Resolver(PATIENCE_SECONDS)
    names = [f"r{number}.dead.example" for number in range(SEATS_OF_ONE + 2)]
    asking = [asyncio.create_task(asked(resolver, name)) for name in names]
    while len(dns.hanging) < SEATS_OF_ONE:  # noqa: ASYNC110 - threads ring no bell
        await asyncio.sleep(0.005)
    asking[-1].cancel()
    await asyncio.wait({asking[-1]})
    await resolver.aclose()

    assert asyncio.all_tasks() - before - set(asking) == set()
    await asyncio.gather(*asking, return_exceptions=True)
