"""Through a region's proxy: what it is told, what it is not, and what its refusals mean."""

import ssl
from dataclasses import replace

import pytest
import trustme

from probes.protocol.exchange import FaultKind
from probes.protocol.plan import Plan, Secret, Site
from probes.protocol.proxy import Proxy
from probes.protocol.taxonomy import Depth, Reason, Stage, Status
from probes.protocol.urls import Origin
from probes.wire.driver import Engine
from probes.wire.route import Route
from tests.integration.wire.conftest import Presenting
from tests.integration.wire.forward_proxy import ForwardProxy, proxy_that
from tests.integration.wire.peer import LOOPBACK, Client, answering, peer_that, stalling_after, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LOGIN = (("Authorization", "Bearer registry-token"),)


@pytest.fixture
def trusting(authority: trustme.CA) -> Site:
    return Site(ca_pem=authority.cert_pem.bytes().decode(), plain_http=True)


def by(client: Client, proxy: Proxy, site: Site) -> Client:
    return replace(client, route=Route.of(site, proxy))


async def test_a_name_is_resolved_by_the_proxy_and_not_here(
    client: Client, presenting: Presenting, trusting: Site, dialled: list[str]
) -> None:
    """N16, N4: the guard has no say over a name; nobody here resolves it, and TLS still proves it."""
    async with (
        peer_that(answering(OK), presenting("registry.example")) as peer,
        proxy_that(ForwardProxy(names={"registry.example": "127.0.0.1"})) as proxy,
    ):
        url = f"https://registry.example:{peer.port}/v2/"
        reply, record = await by(client, proxy.configured(), trusting).reply(url, headers=LOGIN)

    assert reply.body == b"ok"
    assert record.certificate is not None
    assert (record.address, record.dns_ms, record.connection) == (None, None, "new")
    assert record.connect_ms is not None
    assert record.tls_ms is not None
    assert dialled[0] == "127.0.0.1"
    authority = f"registry.example:{peer.port}".encode()
    assert proxy.heads == [b"CONNECT " + authority + b" HTTP/1.1\r\nHost: " + authority + b"\r\n\r\n"]


async def test_plain_http_goes_through_a_tunnel_too(client: Client, trusting: Site) -> None:
    """N16, C22: the proxy sees no request of ours, and so no login."""
    async with peer_that(answering(OK)) as peer, proxy_that(ForwardProxy(names={"r.example": "127.0.0.1"})) as proxy:
        reply, _ = await by(client, proxy.configured(), trusting).reply(
            f"http://r.example:{peer.port}/", headers=LOGIN
        )

    assert reply.body == b"ok"
    assert proxy.heads[0].startswith(b"CONNECT r.example:")
    assert b"registry-token" not in b"".join(proxy.heads)
    assert b"Bearer registry-token" in peer.requests[0]


async def test_each_sees_its_own_login_alone(client: Client, presenting: Presenting, trusting: Site) -> None:
    """C22: the proxy's login goes to the proxy, the registry's to the registry."""
    async with peer_that(answering(OK), presenting()) as peer, proxy_that(ForwardProxy()) as proxy:
        through = by(client, proxy.configured("robot", "pass:word"), replace(trusting, allow_hosts=("localhost",)))
        await through.reply(f"{peer.https}/", headers=LOGIN)

    assert b"Proxy-Authorization: Basic cm9ib3Q6cGFzczp3b3Jk\r\n" in proxy.heads[0]
    assert b"registry-token" not in proxy.heads[0]
    assert b"Proxy-Authorization" not in peer.requests[0]
    assert b"cm9ib3Q6cGFzczp3b3Jk" not in peer.requests[0]


async def test_tls_is_spoken_within_the_tls_of_a_proxy(
    client: Client, presenting: Presenting, trusting: Site, authority: trustme.CA
) -> None:
    body = bytes(range(256)) * 2048
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    names = {"registry.example": "127.0.0.1"}
    async with (
        peer_that(answering(answer), presenting("registry.example")) as peer,
        proxy_that(ForwardProxy(names=names), presenting()) as proxy,
    ):
        through = by(client, proxy.configured(ca_pem=authority.cert_pem.bytes().decode()), trusting)
        url = f"https://registry.example:{peer.port}/"
        reply, _ = await through.reply(url, read_ahead_bytes=1000)
        _, again = await through.reply(url)
        await client.transport.aclose()
        await until(lambda: client.transport.open_connections == 0)

    assert reply.body == body
    assert again.connection == "reused"
    assert len(proxy.heads) == 1


async def test_a_proxy_whose_certificate_is_not_trusted_is_not_told_anything(
    client: Client, presenting: Presenting, trusting: Site
) -> None:
    """The registry's roots are no roots for the proxy."""
    async with proxy_that(ForwardProxy(), presenting()) as proxy:
        fault, _ = await by(client, proxy.configured("robot", "secret"), trusting).fault("https://r.example/")

    assert fault.kind is FaultKind.PROXY_FAILED
    assert "self-signed" in fault.detail or "unable to get" in fault.detail
    assert proxy.heads == []


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "127.0.0.1", "10.1.2.3", "[::1]", "[64:ff9b::7f00:1]", "127.1", "2130706433", "0x7f000001",
     "localhost", "registry.localhost"],
)  # fmt: skip
async def test_an_address_is_tested_though_the_proxy_would_dial_it(
    client: Client, dialled: list[str], host: str
) -> None:
    """N4, S3: in whatever notation, since the proxy's resolver reads them all."""
    async with proxy_that(ForwardProxy()) as proxy:
        fault, record = await by(client, proxy.configured(), Site(plain_http=True)).fault(f"http://{host}/")

    assert fault.kind is FaultKind.ADDRESS_FORBIDDEN
    assert record.address is not None
    assert (proxy.heads, dialled) == ([], [])


@pytest.mark.parametrize("host", ["127.1", "127.0.0.1"])
async def test_an_address_that_is_allowed_is_given_to_the_proxy_as_it_was_tested(client: Client, host: str) -> None:
    """N4: and so the outcome knows it."""
    async with peer_that(answering(OK)) as peer, proxy_that(ForwardProxy()) as proxy:
        _, record = await by(client, proxy.configured(), LOOPBACK).reply(f"http://{host}:{peer.port}/")

    assert record.address == "127.0.0.1"
    assert proxy.heads[0].startswith(b"CONNECT 127.0.0.1:")


async def test_fixed_addresses_are_tested_and_given_to_the_proxy(client: Client) -> None:
    """N4: what an operator fixed needs no resolving."""
    pinned = (("registry.example", ("10.0.0.9", "127.0.0.1")),)
    async with peer_that(answering(OK)) as peer, proxy_that(ForwardProxy()) as proxy:
        through = by(client, proxy.configured(), replace(LOOPBACK, resolve=pinned))
        await through.reply(f"http://registry.example:{peer.port}/")

    assert proxy.heads[0].startswith(b"CONNECT 127.0.0.1:")
    assert b"Host: registry.example" in peer.requests[0]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (b"HTTP/1.1 407 Go away\r\n\r\n", FaultKind.PROXY_AUTH, "wants a login"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nBANNER", FaultKind.PROXY_FAILED, "answered 403"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n", FaultKind.PROXY_FAILED, "answered 302"),
        (b"HTTP/1.1 502 Bad\r\n\r\n", FaultKind.CONNECT_UNREACHABLE, "answered 502"),
        (b"HTTP/1.0 503 Bad\r\n\r\n", FaultKind.CONNECT_UNREACHABLE, "answered 503"),
        (b"HTTP/1.1 504 Slow\r\n\r\n", FaultKind.CONNECT_TIMEOUT, "answered 504"),
        (b"SSH-2.0-BANNER\r\n", FaultKind.PROXY_FAILED, "Expected HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, FaultKind.PROXY_FAILED, "headers_too_large"),
        (b"HTTP/1.1 2", FaultKind.PROXY_FAILED, "closed in the middle"),
    ],
)
async def test_what_a_proxy_refuses_is_said_in_our_own_words(
    client: Client, answer: bytes, kind: FaultKind, words: str
) -> None:
    """C22, S22: who has to act is told apart, and nothing of its page is repeated."""
    async with proxy_that(ForwardProxy(answer=answer)) as proxy:
        fault, record = await by(client, proxy.configured(), Site()).fault("https://r.example/", headers=LOGIN)

    assert fault.kind is kind
    assert words in fault.detail
    assert f"the proxy 127.0.0.1:{proxy.port}" in fault.detail
    assert "BANNER" not in fault.detail
    assert record.address is None
    assert client.transport.open_connections == 0


async def test_a_login_that_the_proxy_refuses_is_told_apart_from_none(client: Client) -> None:
    """C22."""
    async with proxy_that(ForwardProxy(answer=b"HTTP/1.1 407 No\r\n\r\n")) as proxy:
        fault, _ = await by(client, proxy.configured("robot", "wrong"), Site()).fault("https://r.example/")

    assert fault.kind is FaultKind.PROXY_AUTH
    assert "refuses the login" in fault.detail
    assert "wrong" not in fault.detail


async def test_a_proxy_that_is_down_is_our_side(client: Client) -> None:
    """C.2: the registry was not asked, so nothing is said of it."""
    async with proxy_that(ForwardProxy()) as proxy:
        configured = proxy.configured()
    fault, _ = await by(client, configured, Site()).fault("https://r.example/")

    assert fault.kind is FaultKind.PROXY_FAILED
    assert "Connection refused" in fault.detail


async def test_a_proxy_at_a_metadata_address_is_not_dialled(client: Client, dialled: list[str]) -> None:
    """S2: not even for its operator."""
    metadata = Proxy(origin=Origin("http", "169.254.169.254", 80))
    fault, _ = await by(client, metadata, Site()).fault("https://r.example/")

    assert fault.kind is FaultKind.PROXY_FAILED
    assert "metadata" in fault.detail
    assert dialled == []


async def test_a_proxy_that_falls_silent_is_left(client: Client) -> None:
    async with peer_that(stalling_after()) as silent:
        proxy = Proxy(origin=Origin("http", "127.0.0.1", silent.port))
        fault, _ = await by(client, proxy, Site()).fault("https://r.example/", dns_seconds=0.02, connect_seconds=0.1)
        await silent.left.wait()

    assert fault.kind is FaultKind.CONNECT_TIMEOUT
    assert "CONNECT by the proxy" in fault.detail


async def test_ways_do_not_share_connections(client: Client) -> None:
    """N16: a direct one is not lent to a check that goes through a proxy, nor the other way round."""
    async with peer_that(answering(OK)) as peer, proxy_that(ForwardProxy()) as proxy:
        url = f"http://127.0.0.1:{peer.port}/"
        through = by(client, proxy.configured(), LOOPBACK)
        kinds = [(await one.reply(url))[1].connection for one in (client, through, client, through)]
        _, other = await by(client, proxy.configured("robot", "secret"), LOOPBACK).reply(url)

    assert kinds == ["new", "new", "reused", "reused"]
    assert other.connection == "new"
    assert len(proxy.heads) == 2


async def test_proxies_of_the_environment_are_not_read(
    client: Client, monkeypatch: pytest.MonkeyPatch, presenting: Presenting, trusting: Site
) -> None:
    """N16."""
    async with proxy_that(ForwardProxy()) as proxy, peer_that(answering(OK), presenting()) as peer:
        url = f"http://127.0.0.1:{proxy.port}"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, url)
        monkeypatch.setenv("NO_PROXY", "")
        site = replace(trusting, allow_cidrs=LOOPBACK.allow_cidrs)
        reply, record = await client.reply(f"{peer.https}/", site=site)

    assert reply.status == 200
    assert record.address == "127.0.0.1"
    assert proxy.heads == []


class TestOutcome:
    """What a check says of the way that it took."""

    PLAN = Plan(reference="registry.example:5000/team/app:1", depth=Depth.RESOLVE, timeout_seconds=5)

    @pytest.mark.parametrize(
        ("answer", "reason", "status"),
        [
            (b"HTTP/1.1 407 No\r\n\r\n", Reason.PROXY_AUTH, Status.CONFIG_ERROR),
            (b"HTTP/1.1 403 No\r\n\r\n", Reason.PROXY_FAILED, Status.INDETERMINATE),
            (b"HTTP/1.1 503 No\r\n\r\n", Reason.CONNECT_UNREACHABLE, Status.DEGRADED),
        ],
    )
    async def test_a_refusal_is_at_the_stage_of_connecting(
        self, answer: bytes, reason: Reason, status: Status
    ) -> None:
        """C22: with a credential that nobody was shown."""
        secret = Secret(username="robot", password="registry-password")
        async with (
            proxy_that(ForwardProxy(answer=answer)) as proxy,
            Engine(user_agent="kairos-test", proxy=proxy.configured("us", "proxy-password")) as engine,
        ):
            outcome = await engine.check(self.PLAN, secret)

        assert (outcome.conclusion.reason, outcome.status) == (reason, status)
        assert outcome.conclusion.stage is Stage.CONNECT
        assert outcome.conclusion.host == "registry.example:5000"
        assert outcome.proxy == f"127.0.0.1:{proxy.port}"
        shown = str(outcome.to_json()) + repr(outcome)
        assert "password" not in shown
        assert b"cm9ib3Q6" not in b"".join(proxy.heads)

    async def test_a_check_without_a_proxy_says_so(self) -> None:
        async with Engine(user_agent="kairos-test") as engine:
            outcome = await engine.check(replace(self.PLAN, reference="127.0.0.1:9/team/app:1"))

        assert outcome.proxy is None


def test_a_proxys_password_is_in_no_repr() -> None:
    """S19."""
    proxy = Proxy.parse("https://robot:swordfish@proxy.example:3128")
    route = Route.of(Site(), proxy)

    assert "swordfish" not in repr(proxy) + repr(route) + repr(ssl.SSLContext)
