"""From a name to a socket: what is resolved, what is refused, what is dialled, and what is said of it."""

import asyncio
import errno
import socket
import threading
from dataclasses import replace

import pytest

from probes.protocol.exchange import FaultKind, Reply
from probes.protocol.plan import Site
from tests.integration.wire.peer import LOOPBACK, Client, answering, peer_that, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PUBLIC = Site(plain_http=True)


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str, error: OSError | None = None) -> list[str]:
    """Let DNS answer with `addresses` or fail with `error`; return the list of names it is asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: object, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        if error is not None:
            raise error
        return [(0, 0, 0, "", (address, 0)) for address in addresses]

    monkeypatch.setattr("probes.wire.resolver.socket.getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/latest/meta-data/",
        "http://169.254.169.254/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::ffff:127.0.0.1]/",
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0/",
        "http://[::1]/",
        "http://[::]/",
        "http://[64:ff9b::7f00:1]/",
        "http://localhost/",
        "http://100.100.100.200/",
    ],
)
async def test_what_is_not_public_is_never_dialled(client: Client, dialled: list[str], url: str) -> None:
    """N4, S2, S3: whatever the spelling, what is judged is the address."""
    fault, record = await client.fault(url, site=PUBLIC)

    assert fault.kind is FaultKind.ADDRESS_FORBIDDEN
    assert dialled == []
    assert record.address is not None
    assert record.address in fault.detail
    assert record.connection is None


@pytest.mark.parametrize("host", ["169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]"])
async def test_metadata_is_not_dialled_though_everything_is_allowed(
    client: Client, dialled: list[str], host: str
) -> None:
    """N4, S5."""
    fault, _ = await client.fault(f"http://{host}/", site=Site(plain_http=True, allow_cidrs=("0.0.0.0/0", "::/0")))

    assert fault.kind is FaultKind.ADDRESS_FORBIDDEN
    assert dialled == []


async def test_a_name_is_judged_by_its_addresses(
    client: Client, dialled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """N4, S3."""
    resolving(monkeypatch, "10.1.2.3")

    fault, record = await client.fault("http://registry.example/", site=PUBLIC)

    assert fault.kind is FaultKind.ADDRESS_FORBIDDEN
    assert fault.detail == "10.1.2.3 may not be dialled: not public"
    assert record.dns_ms is not None
    assert dialled == []


async def test_of_a_mixed_answer_only_admitted_addresses_are_dialled(
    client: Client, dialled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """N5."""
    resolving(monkeypatch, "10.0.0.9", "127.0.0.1", "169.254.169.254", "192.168.0.1")
    async with peer_that(answering(OK)) as peer:
        _, record = await client.reply(f"http://registry.example:{peer.port}/")

    assert dialled == ["127.0.0.1"]
    assert record.mixed_scope


async def test_an_answer_without_refused_addresses_is_not_mixed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N5."""
    resolving(monkeypatch, "127.0.0.1", "127.0.0.2")
    async with peer_that(answering(OK)) as peer:
        _, record = await client.reply(f"http://registry.example:{peer.port}/")

    assert not record.mixed_scope


async def test_a_mapped_address_is_dialled_in_the_form_that_was_tested(client: Client, dialled: list[str]) -> None:
    """S4."""
    async with peer_that(answering(OK)) as peer:
        _, record = await client.reply(f"http://[::ffff:127.0.0.1]:{peer.port}/")

    assert dialled == ["127.0.0.1"]
    assert record.address == "127.0.0.1"


async def test_a_static_address_replaces_dns_and_is_tested_too(
    client: Client, dialled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolving(monkeypatch, "8.8.8.8")
    pinned = (("registry.example", ("127.0.0.1",)),)
    async with peer_that(answering(OK)) as peer:
        url = f"http://registry.example:{peer.port}/"
        _, record = await client.reply(url, site=replace(LOOPBACK, resolve=pinned))
        fault, _ = await client.fault(url, site=Site(plain_http=True, resolve=pinned))
        requests = peer.requests

    assert asked == []
    assert record.dns_ms is None
    assert record.host == f"registry.example:{peer.port}"
    assert f"Host: registry.example:{peer.port}\r\n".encode() in requests[0]
    assert fault.kind is FaultKind.ADDRESS_FORBIDDEN
    assert dialled == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), FaultKind.DNS_NXDOMAIN),
        (socket.gaierror(socket.EAI_NODATA, "No address"), FaultKind.DNS_NXDOMAIN),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), FaultKind.DNS_TEMPORARY),
        (socket.gaierror(socket.EAI_FAIL, "Non-recoverable failure"), FaultKind.DNS_TEMPORARY),
        (UnicodeError("label too long"), FaultKind.DNS_NXDOMAIN),
    ],
)
async def test_dns_failures_are_told_apart(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: OSError, kind: FaultKind
) -> None:
    """N2, N3."""
    resolving(monkeypatch, error=error)

    fault, record = await client.fault("https://registry.example/")

    assert fault.kind is kind
    assert record.address is None


async def test_closing_ends_a_lookup_under_way(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, release = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        asked.set()
        release.wait(10)
        return []

    monkeypatch.setattr("probes.wire.resolver.socket.getaddrinfo", hang)
    asking = asyncio.create_task(client.fault("https://registry.example/"))
    await until(asked.is_set)
    await client.transport.aclose()
    fault, _ = await asking
    late, _ = await client.fault("https://registry.example/")
    release.set()

    assert fault.kind is FaultKind.ABORTED
    assert late.kind is FaultKind.ABORTED


async def test_a_resolver_that_hangs_is_a_temporary_failure(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """N3."""
    release = threading.Event()
    monkeypatch.setattr("probes.wire.resolver.socket.getaddrinfo", lambda *_, **__: release.wait(10) and [])
    try:
        fault, _ = await client.fault("https://registry.example/", dns_seconds=0.05)
    finally:
        release.set()

    assert fault.kind is FaultKind.DNS_TEMPORARY
    assert fault.detail == "DNS took more than 0.05 s"


async def test_lookups_of_one_name_at_one_time_share_an_answer(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolving(monkeypatch, "127.0.0.1")
    async with peer_that(answering(OK)) as peer:
        url = f"http://registry.example:{peer.port}/"
        await asyncio.gather(*(client.reply(url) for _ in range(20)))
        shared = len(asked)
        await client.reply(url, fresh=True)

    assert shared < 20
    assert len(asked) == shared + 1  # and nothing is kept for later


async def test_a_closed_port_is_refused(client: Client) -> None:
    """N6."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    fault, record = await client.fault(f"http://127.0.0.1:{port}/")

    assert fault.kind is FaultKind.CONNECT_REFUSED
    assert fault.detail == "127.0.0.1: Connection refused"
    assert record.address == "127.0.0.1"
    assert record.connect_ms is None


async def test_a_refused_address_is_followed_by_the_next(
    client: Client, dialled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """N6."""
    resolving(monkeypatch, "::1", "127.0.0.2", "127.0.0.1")
    async with peer_that(answering(OK)) as peer:
        _, record = await client.reply(f"http://registry.example:{peer.port}/")

    assert dialled == ["::1", "127.0.0.2", "127.0.0.1"]
    assert record.address == "127.0.0.1"


async def test_families_take_turns(client: Client, dialled: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """N6."""
    resolving(monkeypatch, "127.0.0.2", "127.0.0.3", "127.0.0.4", "::1", "127.0.0.2")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        await client.fault(f"http://registry.example:{listener.getsockname()[1]}/")

    assert dialled == ["127.0.0.2", "::1", "127.0.0.3", "127.0.0.4"]


async def test_of_many_addresses_a_few_are_tried(
    client: Client, dialled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, *(f"127.0.0.{last}" for last in range(2, 100)))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        await client.fault(f"http://registry.example:{listener.getsockname()[1]}/")

    assert len(dialled) == client.limits.addresses_tried


def blackholing(monkeypatch: pytest.MonkeyPatch, *silent: str, error: OSError | None = None) -> None:
    """Let connecting to the `silent` addresses take for ever, or fail with `error`."""
    connect = asyncio.SelectorEventLoop.sock_connect

    async def sock_connect(loop: asyncio.SelectorEventLoop, sock: object, address: tuple[str, int]) -> None:
        if address[0] in silent:
            if error is not None:
                raise error
            await asyncio.Event().wait()
        await connect(loop, sock, address)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", sock_connect)


async def test_a_silent_address_gives_way_to_the_next(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """N7."""
    resolving(monkeypatch, "127.0.0.9", "127.0.0.1")
    blackholing(monkeypatch, "127.0.0.9")
    async with peer_that(answering(OK)) as peer:
        _, record = await client.reply(f"http://registry.example:{peer.port}/", stagger_seconds=0.02)

    assert record.address == "127.0.0.1"
    assert record.connect_ms is not None
    assert record.connect_ms >= 20
    assert record.total_ms < 2000


@pytest.mark.parametrize("at_once", [True, False])
async def test_of_two_that_answer_one_is_let_go(
    client: Client,
    dialled: list[str],
    monkeypatch: pytest.MonkeyPatch,
    at_once: bool,  # noqa: FBT001
) -> None:
    resolving(monkeypatch, "127.0.0.1", "127.0.0.2")
    connect = asyncio.SelectorEventLoop.sock_connect
    both = asyncio.Barrier(2)

    async def together(loop: asyncio.SelectorEventLoop, sock: object, address: tuple[str, int]) -> None:
        await connect(loop, sock, address)  # type: ignore[arg-type]  # handed through
        await both.wait()

    if at_once:
        monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", together)
    async with peer_that(answering(OK)) as peer:
        with socket.create_server(("127.0.0.2", peer.port)) as other:
            other.setblocking(False)
            event, record = await client.ask(
                f"http://registry.example:{peer.port}/", stagger_seconds=0, headers_seconds=0.1
            )
            assert dialled == ["127.0.0.1", "127.0.0.2"]
            won = record.address == "127.0.0.1"
            assert isinstance(event, Reply) is won  # the other one accepts and keeps silent
            loop = asyncio.get_running_loop()
            accepted, _ = await loop.sock_accept(other)
            with accepted:
                sent = await loop.sock_recv(accepted, 4)
                assert sent == (b"" if won else b"GET ")


async def test_silence_everywhere_is_a_connect_timeout(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """N7."""
    blackholing(monkeypatch, "127.0.0.1")

    fault, record = await client.fault("http://127.0.0.1:9/", connect_seconds=0.05)

    assert fault.kind is FaultKind.CONNECT_TIMEOUT
    assert record.address == "127.0.0.1"


async def test_the_deadline_of_the_check_counts_while_connecting(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    blackholing(monkeypatch, "127.0.0.1")

    fault, _ = await client.fault("http://127.0.0.1:9/", seconds=0.05)

    assert fault.kind is FaultKind.TIMEOUT_TOTAL


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENETUNREACH, FaultKind.CONNECT_UNREACHABLE),
        (errno.EHOSTUNREACH, FaultKind.CONNECT_UNREACHABLE),
        (errno.EACCES, FaultKind.CONNECT_UNREACHABLE),
        (errno.ETIMEDOUT, FaultKind.CONNECT_TIMEOUT),
        (errno.ECONNREFUSED, FaultKind.CONNECT_REFUSED),
        (errno.EMFILE, FaultKind.INTERNAL),
    ],
)
async def test_connect_failures_are_told_apart(
    client: Client, monkeypatch: pytest.MonkeyPatch, code: int, kind: FaultKind
) -> None:
    """N6, N7."""
    blackholing(monkeypatch, "127.0.0.1", error=OSError(code, "as the kernel says"))

    fault, _ = await client.fault("http://127.0.0.1:9/")

    assert fault.kind is kind


async def test_of_several_failures_the_most_telling_is_reported(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, "::1", "127.0.0.1")
    blackholing(monkeypatch, "::1", error=OSError(errno.ENETUNREACH, "no IPv6 here"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    fault, _ = await client.fault(f"http://registry.example:{port}/")

    assert fault.kind is FaultKind.CONNECT_REFUSED


async def test_a_bug_while_connecting_is_not_taken_for_the_network(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    blackholing(monkeypatch, "127.0.0.1", error=RuntimeError("a bug"))  # type: ignore[arg-type]  # on purpose

    with pytest.raises(RuntimeError, match="a bug"):
        await client.ask("http://127.0.0.1:9/")


async def test_a_cancelled_dial_leaves_no_task(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    blackholing(monkeypatch, "127.0.0.1")
    before = asyncio.all_tasks()
    asking = asyncio.create_task(client.ask("http://127.0.0.1:9/"))
    await until(lambda: len(asyncio.all_tasks()) == len(before) + 2)

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    await until(lambda: asyncio.all_tasks() == before)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:pass@registry.example/",
        "ftp://registry.example/",
        "http://registry.example:99999/",
        "http:///path",
        "http://registry.example\\@127.0.0.1/",
        "http://registry.example/a\r\nX-Evil: 1",
        "http://registry.example/caf\u00e9",
    ],
)
async def test_what_is_no_url_is_our_own_bug_and_never_dialled(client: Client, dialled: list[str], url: str) -> None:
    """S18."""
    fault, _ = await client.fault(url)

    assert fault.kind is FaultKind.INTERNAL
    assert "pass" not in fault.detail
    assert dialled == []


async def test_plain_http_takes_a_route_that_admits_it(client: Client, dialled: list[str]) -> None:
    """N1."""
    fault, _ = await client.fault("http://127.0.0.1:9/", site=Site(allow_cidrs=("127.0.0.0/8",)))

    assert fault.kind is FaultKind.INTERNAL
    assert "plain http" in fault.detail
    assert dialled == []
