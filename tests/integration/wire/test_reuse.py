"""Connections kept, shared, aged, found dead; and all of them gone at the end."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from probes.protocol.exchange import FaultKind
from probes.protocol.plan import Site
from probes.wire.limits import Limits
from probes.wire.route import Route
from probes.wire.transport import GuardedTransport
from tests.integration.wire.conftest import Presenting
from tests.integration.wire.peer import LOOPBACK, Client, Visit, answering, peer_that, stalling_after, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def open_sockets() -> int:
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that reads this very directory
            count += str(descriptor.readlink()).startswith("socket:")
    return count


def client_with(**limits: float) -> Client:
    chosen = Limits(**limits)  # type: ignore[arg-type]  # names and types of Limits
    return Client(GuardedTransport(chosen, "kairos/test"), chosen, Route.of(LOOPBACK))


async def test_one_connection_serves_many_requests(client: Client) -> None:
    async with peer_that(answering(OK)) as peer:
        kinds = [(await client.reply(f"{peer.http}/"))[1].connection for _ in range(5)]

    assert kinds == ["new", "reused", "reused", "reused", "reused"]
    assert peer.visits == 1


async def test_requests_at_one_time_have_connections_of_their_own(client: Client) -> None:
    async with peer_that(answering(OK)) as peer:
        await asyncio.gather(*(client.reply(f"{peer.http}/") for _ in range(10)))
        assert peer.visits == 10
        again = await asyncio.gather(*(client.reply(f"{peer.http}/") for _ in range(10)))

    assert {record.connection for _, record in again} == {"reused"}
    assert peer.visits == 10


async def test_a_fresh_connection_is_new_and_then_kept(client: Client) -> None:
    async with peer_that(answering(OK)) as peer:
        await client.reply(f"{peer.http}/")
        _, fresh = await client.reply(f"{peer.http}/", fresh=True)
        _, after = await client.reply(f"{peer.http}/")

    assert fresh.connection == "new"
    assert after.connection == "reused"
    assert peer.visits == 2


async def test_another_profile_gets_no_connection_of_this_one(client: Client) -> None:
    others = (
        Site(plain_http=True, allow_cidrs=("127.0.0.0/8",)),
        Site(plain_http=True, allow_cidrs=LOOPBACK.allow_cidrs, ca_pem=trustme.CA().cert_pem.bytes().decode()),
        Site(plain_http=True, allow_cidrs=LOOPBACK.allow_cidrs, resolve=(("a.example", ("127.0.0.1",)),)),
    )
    async with peer_that(answering(OK)) as peer:
        await client.reply(f"{peer.http}/")
        for other in others:
            _, record = await client.reply(f"{peer.http}/", site=other)
            assert record.connection == "new"
        fault, _ = await client.fault(f"{peer.http}/", site=Site(plain_http=True))

    assert fault.kind is FaultKind.ADDRESS_FORBIDDEN
    assert peer.visits == 4


async def test_another_name_for_the_same_address_gets_no_connection_of_this_one(client: Client) -> None:
    async with peer_that(answering(OK)) as peer:
        await client.reply(f"http://127.0.0.1:{peer.port}/")
        _, record = await client.reply(f"http://localhost:{peer.port}/")

    assert record.connection == "new"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OK + b"and then some",
    ],
    ids=["close", "HTTP/1.0", "more than asked"],
)
async def test_what_the_peer_will_not_go_on_with_is_not_kept(client: Client, answer: bytes) -> None:
    async with peer_that(stalling_after(answer)) as peer:
        reply, _ = await client.reply(f"{peer.http}/")
        await peer.left.wait()
        _, second = await client.reply(f"{peer.http}/")

    assert reply.body == b"ok"
    assert second.connection == "new"


@pytest.mark.parametrize("secure", [False, True])
async def test_a_connection_that_the_peer_closed_at_rest_is_not_handed_out(
    client: Client,
    presenting: Presenting,
    authority: trustme.CA,
    secure: bool,  # noqa: FBT001
) -> None:
    closed = asyncio.Event()

    async def close_after_one(visit: Visit) -> None:
        await visit.request()
        visit.send(OK)
        await visit.writer.drain()
        visit.writer.close()
        closed.set()

    site = Site(plain_http=True, allow_cidrs=("127.0.0.0/8",), ca_pem=authority.cert_pem.bytes().decode())
    async with peer_that(close_after_one, presenting() if secure else None) as peer:
        url = peer.https if secure else peer.http
        await client.reply(f"{url}/", site=site)
        await closed.wait()
        await until(lambda: client.transport.open_connections == 0)
        _, second = await client.reply(f"{url}/", site=site)

    assert second.connection == "new"


async def test_words_out_of_turn_end_a_connection_at_rest(client: Client) -> None:
    at_rest = asyncio.Event()

    async def nag(visit: Visit) -> None:
        await visit.request()
        visit.send(OK)
        await at_rest.wait()
        visit.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        await visit.gone()

    async with peer_that(nag) as peer:
        await client.reply(f"{peer.http}/")
        at_rest.set()
        await peer.left.wait()
        reply, record = await client.reply(f"{peer.http}/")

    assert reply.status == 200
    assert record.connection == "new"


async def hang_up_on_the_second(visit: Visit) -> None:
    """Answer one request; take the next and close without a word, as a server whose patience just ended."""
    head = await visit.request()
    visit.send(OK.removesuffix(b"ok") if head.startswith(b"HEAD") else OK)
    await visit.request()
    visit.reset()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_stale_connection_is_replaced_without_a_word(client: Client, method: str) -> None:
    async with peer_that(hang_up_on_the_second) as peer:
        await client.reply(f"{peer.http}/", method)
        reply, record = await client.reply(f"{peer.http}/", method)

    assert reply.status == 200
    assert record.connection == "new"
    assert record.connect_ms is not None
    assert len(peer.requests) == 3


async def test_a_post_is_not_sent_twice(client: Client) -> None:
    async with peer_that(hang_up_on_the_second) as peer:
        await client.reply(f"{peer.http}/", "POST")
        fault, record = await client.fault(f"{peer.http}/", "POST")

    assert fault.kind is FaultKind.CONNECTION_RESET
    assert record.connection == "reused"
    assert len(peer.requests) == 2


async def test_a_reused_connection_that_dies_in_its_answer_is_the_peers_fault(client: Client) -> None:
    async def die_in_the_second(visit: Visit) -> None:
        await visit.request()
        visit.send(OK)
        await visit.request()
        visit.send(b"HTTP/1.1 20")

    async with peer_that(die_in_the_second) as peer:
        await client.reply(f"{peer.http}/")
        fault, record = await client.fault(f"{peer.http}/")

    assert fault.kind is FaultKind.CONNECTION_RESET
    assert record.connection == "reused"
    assert len(peer.requests) == 2


async def test_a_body_that_a_head_must_not_have_is_not_taken_for_the_next_answer(client: Client) -> None:
    """N12: some servers send one all the same, and it arrives when the next request is out already."""

    async def answer_head_with_a_body(visit: Visit) -> None:
        while True:
            is_head = (await visit.request()).startswith(b"HEAD")
            visit.send(OK.removesuffix(b"ok") if is_head else OK)
            if is_head:
                await visit.request()
                visit.send(b"ok")
                await visit.gone()

    async with peer_that(answer_head_with_a_body) as peer:
        await client.reply(f"{peer.http}/", "HEAD")
        reply, record = await client.reply(f"{peer.http}/")

    assert reply.body == b"ok"
    assert record.connection == "new"


async def test_a_new_connection_that_dies_is_the_peers_fault(client: Client) -> None:
    async def hang_up(visit: Visit) -> None:
        await visit.request()

    async with peer_that(hang_up) as peer:
        fault, record = await client.fault(f"{peer.http}/")

    assert fault.kind is FaultKind.CONNECTION_RESET
    assert record.connection == "new"
    assert len(peer.requests) == 1


async def test_a_connection_rests_for_so_long() -> None:
    client = client_with(pool_idle_seconds=0.05)
    async with peer_that(answering(OK)) as peer:
        await client.reply(f"{peer.http}/")
        await peer.left.wait()
        _, record = await client.reply(f"{peer.http}/")
        await client.transport.aclose()

    assert record.connection == "new"


async def test_a_connection_is_not_kept_beyond_its_age() -> None:
    client = client_with(connection_age_seconds=0)
    async with peer_that(answering(OK)) as peer:
        await client.reply(f"{peer.http}/")
        _, record = await client.reply(f"{peer.http}/")
        await client.transport.aclose()

    assert record.connection == "new"


async def test_age_ends_a_connection_at_rest() -> None:
    client = client_with(connection_age_seconds=0.05)
    async with peer_that(answering(OK)) as peer:
        await client.reply(f"{peer.http}/")
        await peer.left.wait()
        await client.transport.aclose()


async def test_so_many_connections_are_kept_and_the_longest_at_rest_goes() -> None:
    client = client_with(pool_connections=2)
    async with peer_that(answering(OK)) as one, peer_that(answering(OK)) as two, peer_that(answering(OK)) as three:
        for peer in (one, two, three):
            await client.reply(f"{peer.http}/")
        await one.left.wait()
        kinds = [(await client.reply(f"{peer.http}/"))[1].connection for peer in (two, three, one)]
        await client.transport.aclose()

    assert kinds == ["reused", "reused", "new"]


@pytest.mark.parametrize("secure", [False, True])
async def test_closing_leaves_no_socket_and_no_task(
    presenting: Presenting,
    authority: trustme.CA,
    secure: bool,  # noqa: FBT001
) -> None:
    tasks = asyncio.all_tasks()
    client = client_with()
    site = Site(plain_http=True, allow_cidrs=("127.0.0.0/8",), ca_pem=authority.cert_pem.bytes().decode())
    async with peer_that(answering(OK), presenting() if secure else None) as peer:
        url = peer.https if secure else peer.http
        before = open_sockets()
        await asyncio.gather(*(client.reply(f"{url}/", site=site) for _ in range(20)))
        assert client.transport.open_connections == 20
        assert open_sockets() == before + 2 * 20  # ours and the peer's ends
        await client.transport.aclose()
        assert client.transport.open_connections == 0
        await until(lambda: open_sockets() == before)
    await until(lambda: asyncio.all_tasks() == tasks)


async def test_closing_ends_what_is_under_way() -> None:
    client = client_with()

    async def stall_in_the_body(visit: Visit) -> None:
        if b"/body" in await visit.request():
            visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        await visit.gone()

    async with peer_that(stall_in_the_body) as peer, peer_that(lambda visit: visit.gone()) as mute:
        asking = [
            asyncio.create_task(client.fault(url, site=LOOPBACK))
            for url in (f"{peer.http}/head", f"{peer.http}/body", f"https://localhost:{mute.port}/")
        ]
        await until(lambda: len(peer.requests) == 2 and mute.visits == 1)
        await client.transport.aclose()
        faults = [fault.kind for fault, _ in await asyncio.gather(*asking)]
        late, _ = await client.fault(f"{peer.http}/")

    assert faults == [FaultKind.ABORTED] * 3
    assert late.kind is FaultKind.ABORTED


async def test_closing_ends_a_connect_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", never)
    client = client_with()
    asking = asyncio.create_task(client.fault("http://127.0.0.1:9/"))
    before = open_sockets()
    await until(lambda: open_sockets() > before)

    await client.transport.aclose()

    assert open_sockets() == before
    fault, _ = await asking
    assert fault.kind is FaultKind.ABORTED


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"])
async def test_a_cancelled_exchange_ends_its_connection(client: Client, sent: bytes) -> None:
    async with peer_that(stalling_after(sent)) as peer:
        asking = asyncio.create_task(client.ask(f"{peer.http}/"))
        await until(lambda: len(peer.requests) == 1)
        await asyncio.sleep(0.02)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await peer.left.wait()
        await until(lambda: client.transport.open_connections == 0)


async def test_no_connection_outlives_its_exchange_by_mistake(client: Client) -> None:
    answers = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        b"garbage",
        b"HTTP/1.1 302 F\r\nLocation: /\r\nContent-Length: 99\r\n\r\n",
        b"",
    )
    for answer in answers:
        async with peer_that(stalling_after(answer)) as peer:
            await client.ask(f"{peer.http}/", headers_seconds=0.05, body_seconds=0.05)
            await until(lambda: client.transport.open_connections == 0)
