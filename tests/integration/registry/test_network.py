"""The way to a registry: names, addresses, connections and certificates, and who is spoken to on it."""

import asyncio
import re
import socket
from pathlib import Path

import pytest
import trustme

from probes.protocol.taxonomy import Depth, Reason, Stage, Warn
from probes.wire.driver import Engine
from tests.fakes.fake_registry import Certificate, Says, World, greetings
from tests.fakes.fake_registry.misbehaviour import stalls_before_reply
from tests.fakes.peer import Script

RESOLVE = Depth.RESOLVE


def failing_dns(monkeypatch: pytest.MonkeyPatch, code: int) -> list[str]:
    """Let the system's resolver fail; return the list of names that it is asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        raise socket.gaierror(code, "as the resolver says")

    monkeypatch.setattr("probes.wire.resolver.socket.getaddrinfo", getaddrinfo)
    return asked


def blackhole(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Let connecting to `address` take for ever."""
    connect = asyncio.SelectorEventLoop.sock_connect

    async def sock_connect(loop: asyncio.SelectorEventLoop, sock: object, place: tuple[str, int]) -> None:
        if place[0] == address:
            await asyncio.Event().wait()
        await connect(loop, sock, place)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", sock_connect)


@pytest.mark.parametrize(
    ("greeting", "reason"),
    [
        (greetings.speaks_plain_http, Reason.TLS_PROTOCOL),
        (greetings.refuses_the_tls_version, Reason.TLS_PROTOCOL),
        (greetings.closes_in_the_handshake, Reason.CONNECTION_RESET),
        (greetings.resets_in_the_handshake, Reason.CONNECTION_RESET),
        (greetings.stalls_in_the_handshake, Reason.CONNECT_TIMEOUT),
    ],
)
async def test_a_failed_handshake_is_no_reason_to_speak_plainly(
    authority: trustme.CA, hasty: Engine, greeting: Script, reason: Reason
) -> None:
    """N1, N7, N11: TLS is tried once more, and nothing else is."""
    world = World(authority)
    world.registry.greeting = greeting
    async with world.running():
        outcome = await hasty.check(world.plan(depth=RESOLVE))

    assert outcome.conclusion.reason is reason
    assert outcome.conclusion.host == world.registry.netloc
    assert [first[:1] for first in world.registry.greeted] == [b"\x16"] * len(world.registry.greeted)
    assert 2 <= len(world.registry.greeted) <= 3


async def test_a_port_that_speaks_http_is_named_as_such(authority: trustme.CA, engine: Engine) -> None:
    """N11."""
    world = World(authority)
    world.registry.greeting = greetings.speaks_plain_http
    async with world.running():
        outcome = await engine.check(world.plan(depth=RESOLVE))

    assert (outcome.conclusion.stage, outcome.conclusion.detail.partition(": ")[2]) == (
        Stage.TLS,
        "the port may speak plain HTTP",
    )


async def test_a_registry_that_is_marked_plain_speaks_http_alone(authority: trustme.CA, engine: Engine) -> None:
    """N1: the exception is the registry's, not its CDN's."""
    world = World(authority)
    world.registry.certificate = Certificate.NONE
    world.store.image("team/app:1")
    async with world.running():
        world.moves_blobs("layer1")
        outcome = await engine.check(world.plan())
        assert outcome.conclusion.reason is Reason.OK
        assert world.registry.requests[0].resumed is None
        assert world.cdn.requests[0].resumed is False
        await world.expect(
            "registry: HEAD 1",
            "registry: GET manifest",
            ["registry: GET config", "registry: GET layer1", "cdn: GET layer1"],
        )


@pytest.mark.parametrize(
    ("code", "reason"),
    [(socket.EAI_NONAME, Reason.DNS_NXDOMAIN), (socket.EAI_AGAIN, Reason.DNS_TEMPORARY)],
)
async def test_a_name_that_is_not_found_is_looked_up_twice(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch, code: int, reason: Reason
) -> None:
    """N2, N3: once more in the budget, then it is the name's fault, or our resolver's."""
    asked = failing_dns(monkeypatch, code)

    outcome = await engine.check(world.plan(site=world.site(resolve=())))

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (reason, Stage.DNS)
    assert asked == ["registry.example"] * 2


async def test_a_cdn_without_a_name_is_the_layers_trouble(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N2, B21: stage and host are the hop's."""
    failing_dns(monkeypatch, socket.EAI_NONAME)
    world.store.image("team/app:1")
    world.moves_blobs("layer1")
    known = tuple((host.name, (host.address,)) for host in world.hosts if host is not world.cdn)

    outcome = await engine.check(world.plan(site=world.site(resolve=known)))

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.DNS_NXDOMAIN, Stage.LAYER)
    assert outcome.conclusion.host == world.cdn.netloc
    await world.expect("registry: HEAD 1", "registry: GET manifest", ["registry: GET config", "registry: GET layer1"])


async def test_a_private_registry_has_to_be_allowed(world: World, engine: Engine, dialled: list[str]) -> None:
    """N4: nothing is dialled that is not public, unless the operator says so."""
    outcome = await engine.check(world.plan(site=world.site(allow_cidrs=())))

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.TARGET_FORBIDDEN, Stage.DNS)
    assert dialled == []
    assert world.registry.connections == 0


async def test_of_mixed_addresses_only_the_admitted_are_dialled(
    world: World, engine: Engine, dialled: list[str]
) -> None:
    """N5: and the outcome tells of the others."""
    world.store.image("team/app:1")
    mixed = ((world.registry.name, ("10.0.0.7", "169.254.169.254", world.registry.address, "::ffff:10.0.0.7")),)

    outcome = await engine.check(world.plan(site=world.site(resolve=mixed), depth=RESOLVE))

    assert outcome.conclusion.reason is Reason.OK
    assert Warn.DNS_MIXED_SCOPE in outcome.conclusion.warnings
    assert dialled == [world.registry.address]
    await world.expect("registry: HEAD 1")


async def test_a_refused_address_gives_way_to_the_next(world: World, engine: Engine, dialled: list[str]) -> None:
    """N6: across the addresses of the host, within one try."""
    world.store.image("team/app:1")
    both = ((world.registry.name, ("127.0.0.29", world.registry.address)),)
    site = world.site(resolve=both, allow_cidrs=("127.0.0.0/8",))

    outcome = await engine.check(world.plan(site=site, depth=RESOLVE))

    assert outcome.conclusion.reason is Reason.OK
    assert dialled == ["127.0.0.29", world.registry.address]
    assert outcome.conclusion.attempts == 1
    await world.expect("registry: HEAD 1")


async def test_a_registry_that_refuses_connections_is_tried_twice(
    world: World, engine: Engine, dialled: list[str]
) -> None:
    """N6."""
    nobody = ((world.registry.name, ("127.0.0.29",)),)
    site = world.site(resolve=nobody, allow_cidrs=("127.0.0.0/8",))

    outcome = await engine.check(world.plan(site=site))

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.CONNECT_REFUSED, Stage.CONNECT)
    assert dialled == ["127.0.0.29"] * 2


async def test_a_registry_that_does_not_answer_is_tried_twice(
    world: World, hasty: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N7."""
    blackhole(monkeypatch, world.registry.address)

    outcome = await hasty.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.CONNECT_TIMEOUT, Stage.CONNECT)
    assert outcome.requests == 2
    assert world.registry.connections == 0


@pytest.mark.parametrize(
    ("certificate", "reason", "told"),
    [
        (Certificate.UNTRUSTED, Reason.TLS_UNTRUSTED, "self-signed certificate|unable to get local issuer"),
        (Certificate.EXPIRED, Reason.TLS_EXPIRED, r"expired \(.* to "),
        (Certificate.NOT_YET_VALID, Reason.TLS_EXPIRED, r"not yet valid \("),
        (Certificate.OF_ANOTHER_NAME, Reason.TLS_HOSTNAME, r"registry\.example"),
    ],
)
async def test_a_bad_certificate_stops_before_the_first_request(
    world: World, engine: Engine, certificate: Certificate, reason: Reason, told: str
) -> None:
    """N8, N9, N10: never bypassed; a registry sees no request, and no login."""
    world.registry.certificate = certificate

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (reason, Stage.TLS)
    assert outcome.conclusion.host == world.registry.netloc
    assert world.registry.connections == 2
    assert re.search(told, outcome.conclusion.detail)
    await world.expect()


async def test_a_bad_certificate_of_the_token_service_is_told_as_the_tokens(world: World, engine: Engine) -> None:
    """N9, B21: which host's certificate it is."""
    world.wants_token()
    world.auth.certificate = Certificate.EXPIRED

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.TLS_EXPIRED, Stage.TOKEN)
    assert outcome.conclusion.host == world.auth.netloc
    await world.expect("registry: HEAD 1")


async def test_the_environment_names_no_proxy_no_roots_and_no_logins(
    world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """N16: whatever it says, the registry is asked, directly, under the site's own roots, as nobody."""
    world.store.image("team/app:1")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, world.stranger.origin)
        monkeypatch.setenv(name.lower(), world.stranger.origin)
    (tmp_path / "roots.pem").write_text("")
    (tmp_path / ".netrc").write_text("machine registry.example login alice password wonderland\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))

    outcome = await engine.check(world.plan(depth=RESOLVE))

    assert outcome.conclusion.reason is Reason.OK
    assert world.stranger.connections == 0
    await world.expect("registry: HEAD 1")


async def test_a_cookie_is_taken_from_nobody_and_brought_back_to_nobody(world: World, engine: Engine) -> None:
    """N17, S21: the tape takes a Cookie header for a breach."""
    world.store.image("team/app:1")
    baked: dict[str, str | tuple[str, ...]] = {
        "WWW-Authenticate": 'Basic realm="r"',
        "Set-Cookie": ("a=b; Path=/", "c=d; Domain=example"),
    }
    world.registry.once("HEAD 1", Says(503, b"", baked))

    await engine.check(world.plan(depth=RESOLVE))
    await engine.check(world.plan(depth=RESOLVE))

    await world.expect("registry: HEAD 1", "registry: GET 1", "registry: HEAD 1")


async def test_nothing_is_asked_for_compressed(world: World, engine: Engine) -> None:
    """N18."""
    world.store.image("team/app:1")
    world.wants_token()
    world.moves_blobs()

    await engine.check(world.plan())

    everyone = [request for host in world.hosts for request in host.requests]
    assert len(everyone) == 8
    assert {request.headers.get("accept-encoding") for request in everyone} == {"identity"}
    await world.expect(
        "registry: HEAD 1",
        "auth: GET token",
        "registry: HEAD 1 with token-1",
        "registry: GET manifest with token-1",
        [
            "registry: GET config with token-1",
            "registry: GET layer1 with token-1",
            "cdn: GET config",
            "cdn: GET layer1",
        ],
    )


async def test_a_check_that_we_cut_short_is_no_verdict(world: World, engine: Engine) -> None:
    """N19: the engine closes while the registry thinks."""
    world.registry.once("HEAD 1", stalls_before_reply)
    checking = asyncio.create_task(engine.check(world.plan()))
    async with asyncio.timeout(5):
        while not world.registry.requests:  # noqa: ASYNC110 - what is waited for rings no bell
            await asyncio.sleep(0.005)

    await engine.aclose()
    outcome = await checking

    assert outcome.conclusion.reason is Reason.PROBE_ABORTED
    await world.expect("registry: HEAD 1")
