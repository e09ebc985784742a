"""Ways to receive a connection badly, before HTTP or even TLS is spoken. Each notes what came first."""

from tests.fakes.peer import Visit

_CHUNK = 4096


async def speaks_plain_http(visit: Visit) -> None:
    """Be a web server without TLS on a port where TLS is expected."""
    await _note(visit)
    visit.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


async def refuses_the_tls_version(visit: Visit) -> None:
    await _note(visit)
    visit.send(b"\x15\x03\x03\x00\x02\x02\x46")  # a fatal alert: protocol_version


async def closes_in_the_handshake(visit: Visit) -> None:
    await _note(visit)


async def resets_in_the_handshake(visit: Visit) -> None:
    await _note(visit)
    visit.reset()


async def stalls_in_the_handshake(visit: Visit) -> None:
    await _note(visit)
    await visit.gone()


async def speaks_first(visit: Visit) -> None:
    """Be a mail server: greet whoever connects."""
    visit.send(b"220 mail.example ESMTP\r\n")
    await visit.gone()


async def _note(visit: Visit) -> None:
    visit.peer.requests.append(await visit.reader.read(_CHUNK))
