"""Asking a canary: any answer is one, on the way that checks take."""

import socket

import pytest
import trustme

from probes.protocol.egress import Reached
from probes.protocol.proxy import Proxy
from probes.wire.reach import BODY_BYTES, reach, route_to
from tests.integration.wire.conftest import Presenting
from tests.integration.wire.forward_proxy import ForwardProxy, proxy_that
from tests.integration.wire.peer import Client, Peer, answering, peer_that, stalling_after

TRACE = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nip=192.0.2.7\n"


async def asked(client: Client, url: str, ca_pem: str = "", proxy: Proxy | None = None) -> Reached:
    return await reach(url, client.transport, route_to(url, ca_pem, proxy, ()), client.limits, seconds=2)


def at(peer: Peer, scheme: str = "http") -> str:
    return f"{scheme}://localhost:{peer.port}/trace"


async def test_answer_comes_with_its_body_and_the_address_we_asked_from(client: Client) -> None:
    async with peer_that(answering(TRACE)) as peer:
        reached = await asked(client, at(peer))
    assert (reached.canary.http_status, reached.canary.error, reached.canary.answered) == (200, None, True)
    assert (reached.body, reached.local_address) == (b"ip=192.0.2.7\n", "127.0.0.1")
    assert reached.canary.total_ms > 0


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.test/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (BODY_BYTES + 1) + b"x" * (BODY_BYTES + 1),
    ],
    ids=["an error", "a redirect", "far too much"],
)
async def test_whatever_is_answered_somebody_is_there(client: Client, answer: bytes) -> None:
    async with peer_that(answering(answer)) as peer:
        assert (await asked(client, at(peer))).canary.answered


async def test_kept_connection_proves_nothing(client: Client) -> None:
    async with peer_that(answering(TRACE)) as peer:
        for _ in range(2):
            await asked(client, at(peer))
        assert peer.visits == 2


async def test_nobody_there_is_no_answer(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    reached = await asked(client, f"http://127.0.0.1:{port}/")
    assert (reached.canary.http_status, reached.canary.error) == (None, "connect_refused")
    assert reached.local_address is None


async def test_silence_is_no_answer(client: Client) -> None:
    async with peer_that(stalling_after(b"")) as peer:
        assert (await asked(client, at(peer))).canary.error == "timeout_total"


async def test_roots_of_its_own_are_for_a_canary_of_a_closed_network(
    client: Client, presenting: Presenting, authority: trustme.CA
) -> None:
    authority_pem = authority.cert_pem.bytes().decode()
    async with peer_that(answering(TRACE), presenting()) as peer:
        assert (await asked(client, at(peer, "https"), authority_pem)).canary.answered
        assert (await asked(client, at(peer, "https"))).canary.error == "tls_untrusted"


async def test_metadata_address_is_no_canary(client: Client) -> None:
    """S4: not even because the region's operator says so."""
    assert (await asked(client, "http://169.254.169.254/")).canary.error == "address_forbidden"


async def test_region_s_proxy_is_the_way_out(client: Client) -> None:
    """N16: its answer counts, and our address is that of the way to it."""
    async with peer_that(answering(TRACE)) as peer, proxy_that(ForwardProxy(names={"c.test": "127.0.0.1"})) as proxy:
        reached = await asked(client, f"http://c.test:{peer.port}/", proxy=proxy.configured())
    assert (reached.canary.http_status, reached.local_address) == (200, "127.0.0.1")
