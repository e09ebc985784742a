"""TLS against certificates that are right, and against every way in which they are not."""

import asyncio
import os
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from probes.protocol.exchange import FaultKind
from probes.protocol.plan import Site
from tests.integration.wire.conftest import Presenting
from tests.integration.wire.peer import Client, Visit, answering, peer_that

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def trusting(authority: trustme.CA) -> Site:
    return Site(allow_cidrs=("127.0.0.0/8",), ca_pem=authority.cert_pem.bytes().decode())


async def test_a_trusted_certificate_is_reported_with_its_times(
    client: Client, presenting: Presenting, trusting: Site
) -> None:
    not_after = datetime.now(UTC).replace(microsecond=0) + timedelta(days=9)
    async with peer_that(answering(OK), presenting(not_after=not_after)) as peer:
        reply, record = await client.reply(f"{peer.https}/v2/", site=trusting)

    assert reply.body == b"ok"
    assert record.certificate is not None
    assert record.certificate.host == "localhost"
    assert record.certificate.not_after == not_after
    assert "trustme" in record.certificate.issuer
    assert record.connection == "new"
    for phase in (record.dns_ms, record.connect_ms, record.tls_ms, record.first_byte_ms):
        assert phase is not None
        assert 0 <= phase <= record.total_ms


async def test_a_kept_connection_still_tells_its_certificate_and_no_times_of_dialling(
    client: Client, presenting: Presenting, trusting: Site
) -> None:
    async with peer_that(answering(OK), presenting()) as peer:
        _, first = await client.reply(f"{peer.https}/", site=trusting)
        _, second = await client.reply(f"{peer.https}/", site=trusting)

    assert second.connection == "reused"
    assert second.certificate == first.certificate
    assert second.address == first.address
    assert (second.dns_ms, second.connect_ms, second.tls_ms) == (None, None, None)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_both_current_versions_are_spoken(
    client: Client, presenting: Presenting, trusting: Site, version: ssl.TLSVersion
) -> None:
    context = presenting()
    context.minimum_version = context.maximum_version = version
    async with peer_that(answering(OK), context) as peer:
        reply, _ = await client.reply(f"{peer.https}/", site=trusting)

    assert reply.body == b"ok"


async def test_a_name_with_a_final_dot_is_proven_without_it(
    client: Client, presenting: Presenting, trusting: Site
) -> None:
    dotted = replace(trusting, resolve=(("localhost.", ("127.0.0.1",)),))
    async with peer_that(answering(OK), presenting()) as peer:
        reply, _ = await client.reply(f"https://localhost.:{peer.port}/", site=dotted)

    assert reply.status == 200


async def test_an_address_is_proven_by_a_certificate_for_it(
    client: Client, presenting: Presenting, trusting: Site
) -> None:
    async with peer_that(answering(OK), presenting("127.0.0.1")) as peer:
        reply, _ = await client.reply(f"https://127.0.0.1:{peer.port}/", site=trusting)
        fault, _ = await client.fault(f"https://localhost:{peer.port}/", site=trusting)

    assert reply.status == 200
    assert fault.kind is FaultKind.TLS_HOSTNAME


async def test_the_name_asked_for_goes_out_as_sni(client: Client, presenting: Presenting, trusting: Site) -> None:
    named: list[str | None] = []
    context = presenting("registry.example")
    context.sni_callback = lambda _object, name, _context: named.append(name)
    pinned = replace(trusting, resolve=(("registry.example", ("127.0.0.1",)),))
    async with peer_that(answering(OK), context) as peer:
        _, record = await client.reply(f"https://registry.example:{peer.port}/", site=pinned)

    assert named == ["registry.example"]
    assert record.address == "127.0.0.1"


async def test_an_expired_certificate(client: Client, presenting: Presenting, trusting: Site) -> None:
    """N9."""
    now = datetime.now(UTC)
    context = presenting(not_before=now - timedelta(days=9), not_after=now - timedelta(days=1))
    async with peer_that(answering(OK), context) as peer:
        fault, record = await client.fault(f"{peer.https}/", site=trusting)
        requests = peer.requests

    assert fault.kind is FaultKind.TLS_EXPIRED
    assert fault.detail.startswith("certificate has expired (")
    assert f"{now - timedelta(days=1):%b %e}" in fault.detail
    assert record.address == "127.0.0.1"
    assert record.connect_ms is not None
    assert record.tls_ms is None
    assert record.certificate is None
    assert requests == []


async def test_a_certificate_that_is_not_valid_yet(client: Client, presenting: Presenting, trusting: Site) -> None:
    """N9."""
    now = datetime.now(UTC)
    context = presenting(not_before=now + timedelta(days=1), not_after=now + timedelta(days=9))
    async with peer_that(answering(OK), context) as peer:
        fault, _ = await client.fault(f"{peer.https}/", site=trusting)

    assert fault.kind is FaultKind.TLS_EXPIRED


async def test_a_certificate_for_another_host(client: Client, presenting: Presenting, trusting: Site) -> None:
    """N10."""
    async with peer_that(answering(OK), presenting("elsewhere.example")) as peer:
        fault, _ = await client.fault(f"{peer.https}/", site=trusting)

    assert fault.kind is FaultKind.TLS_HOSTNAME
    assert "'localhost'" in fault.detail
    assert fault.detail.endswith(" It is for elsewhere.example.")


async def test_a_certificate_of_an_unknown_authority(client: Client, presenting: Presenting, trusting: Site) -> None:
    """N8, S23."""
    async with peer_that(answering(OK), presenting(issuer=trustme.CA())) as peer:
        fault, _ = await client.fault(f"{peer.https}/", site=trusting)

    assert fault.kind is FaultKind.TLS_UNTRUSTED


async def test_one_sites_roots_are_not_anothers(client: Client, presenting: Presenting, trusting: Site) -> None:
    """N8."""
    async with peer_that(answering(OK), presenting()) as peer:
        await client.reply(f"{peer.https}/", site=trusting)
        fault, _ = await client.fault(f"{peer.https}/", site=Site(allow_cidrs=trusting.allow_cidrs))

    assert fault.kind is FaultKind.TLS_UNTRUSTED


async def test_plain_http_where_tls_is_expected(client: Client, trusting: Site) -> None:
    """N11."""

    async def speak_http(visit: Visit) -> None:
        await visit.reader.read(100)
        visit.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await visit.gone()

    async with peer_that(speak_http) as peer:
        fault, _ = await client.fault(f"{peer.https}/", site=trusting)

    assert fault.kind is FaultKind.TLS_PROTOCOL
    assert "plain HTTP" in fault.detail


async def test_a_peer_that_speaks_old_tls_only(client: Client, trusting: Site) -> None:
    """N11."""

    async def refuse_the_version(visit: Visit) -> None:
        await visit.reader.read(100)
        visit.send(b"\x15\x03\x03\x00\x02\x02\x46")  # a fatal alert: protocol_version
        await visit.gone()

    async with peer_that(refuse_the_version) as peer:
        fault, _ = await client.fault(f"{peer.https}/", site=trusting)

    assert fault.kind is FaultKind.TLS_PROTOCOL
    assert "alert protocol version" in fault.detail


async def test_a_peer_that_closes_in_the_handshake(client: Client, trusting: Site) -> None:
    """N12."""

    async def hang_up(visit: Visit) -> None:
        await visit.reader.read(100)
        visit.reset()

    async with peer_that(hang_up) as peer:
        fault, _ = await client.fault(f"{peer.https}/", site=trusting)

    assert fault.kind is FaultKind.CONNECTION_RESET


async def test_a_handshake_that_stalls(client: Client, trusting: Site) -> None:
    """N7."""
    async with peer_that(lambda visit: visit.gone()) as peer:
        fault, record = await client.fault(f"{peer.https}/", site=trusting, tls_seconds=0.05)
        await peer.left.wait()

    assert fault.kind is FaultKind.CONNECT_TIMEOUT
    assert fault.detail == "TLS took more than 0.05 s"
    assert record.connect_ms is not None


async def test_a_body_that_ends_without_a_tls_goodbye_is_truncated(
    client: Client, presenting: Presenting, trusting: Site
) -> None:
    """N15."""

    async def cut(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
        await visit.writer.drain()
        visit.reset()

    async with peer_that(cut, presenting()) as peer:
        fault, record = await client.fault(f"{peer.https}/", site=trusting)

    assert fault.kind is FaultKind.BODY_TRUNCATED
    assert record.http_status == 200


async def test_a_body_that_ends_with_a_tls_goodbye_is_complete(
    client: Client, presenting: Presenting, trusting: Site
) -> None:
    async def close(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\n\r\nall of it")

    async with peer_that(close, presenting()) as peer:
        reply, _ = await client.reply(f"{peer.https}/", site=trusting)

    assert reply.body == b"all of it"


async def test_garbage_in_the_middle_of_tls_is_a_cut(client: Client, presenting: Presenting, trusting: Site) -> None:
    async def garble(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
        await visit.writer.drain()
        await asyncio.sleep(0)
        # Past TLS: asyncio's own wrapper of the socket sends nothing in some releases of Python 3.11.
        os.write(visit.writer.transport.get_extra_info("socket").fileno(), b"this is no TLS record at all")
        await visit.gone()

    async with peer_that(garble, presenting()) as peer:
        fault, _ = await client.fault(f"{peer.https}/", site=trusting)

    assert fault.kind is FaultKind.BODY_TRUNCATED


async def test_a_large_body_comes_through_tls_whole(client: Client, presenting: Presenting, trusting: Site) -> None:
    body = bytes(range(256)) * 4096
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    async with peer_that(answering(answer), presenting()) as peer:
        reply, record = await client.reply(f"{peer.https}/", site=trusting, read_ahead_bytes=1000)

    assert reply.body == body
    assert record.bytes == len(body)
