"""A TLS server that costs as little as it can, for measuring clients: `python -m tests.bench.responder PEM`.

Answers `/token` with a token, and a manifest to whoever shows one; `/v2/` and whoever shows none get a 401, as
registries word it. Repositories under `bench/full-` hold an index of two platforms with eight layers each, those
under `bench/slow-` answer after `DELAY_SECONDS`. PEM holds key and chain. The port goes to standard output; end of
standard input ends the program.
"""

import asyncio
import hashlib
import socket
import ssl
import sys
from typing import Final, cast

from tests.fakes import contents
from tests.fakes.contents import Content

DELAY_SECONDS: Final = 0.2
FULL: Final = "bench/full-"
SLOW: Final = "bench/slow-"
LAYERS: Final = 8

_FIELDS = "Content-Type: {}\r\nContent-Length: {}\r\nDate: Mon, 01 Jan 2029 00:00:00 GMT\r\n"
_MANIFEST = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}'
_DIGEST = f"sha256:{hashlib.sha256(_MANIFEST).hexdigest()}"
_TOKEN = b'{"token":"' + b"t" * 512 + b'","expires_in":300}'
_FULL_PATH = f"/v2/{FULL}".encode()
_SLOW_PATH = f"/v2/{SLOW}".encode()
_DENIED = b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'


def _answer(status: str, content_type: str, body: bytes, *more: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\n{_FIELDS.format(content_type, len(body))}{''.join(more)}\r\n"
    return head.encode() + body


def _challenge(port: int) -> bytes:
    realm = f'realm="https://localhost:{port}/token",service="localhost",scope="repository:a/b:pull"'
    return _answer(
        "401 Unauthorized",
        "application/json",
        _DENIED,
        "Docker-Distribution-Api-Version: registry/2.0\r\n",
        f"WWW-Authenticate: Bearer {realm}\r\n",
    )


TOKEN = _answer("200 OK", "application/json", _TOKEN)
MANIFEST = _answer(
    "200 OK",
    "application/vnd.oci.image.manifest.v1+json",
    _MANIFEST,
    "Docker-Distribution-Api-Version: registry/2.0\r\n",
    f"Docker-Content-Digest: {_DIGEST}\r\n",
    f'ETag: "{_DIGEST}"\r\n',
)


def _document(content: Content) -> bytes:
    return _answer("200 OK", content.media_type, content.body, f"Docker-Content-Digest: {content.digest}\r\n")


def _first_byte(content: Content) -> bytes:
    span = f"Content-Range: bytes 0-0/{len(content.body)}\r\n"
    return _answer("206 Partial Content", "application/octet-stream", content.body[:1], span)


def _whole_image() -> tuple[bytes, dict[bytes, bytes]]:
    """Return the answer for the tag of an index, and those for all digests in it."""
    index = contents.index(*(contents.child(name, layers=LAYERS) for name in ("linux/amd64", "linux/arm64")))
    answers = {index.digest.encode(): _document(index.manifest)}
    for image in index.children:
        manifest, *blobs = image.contents
        answers[manifest.digest.encode()] = _document(manifest)
        answers |= {blob.digest.encode(): _first_byte(blob) for blob in blobs}
    return answers[index.digest.encode()], answers


INDEX, BY_DIGEST = _whole_image()


class Responder(asyncio.Protocol):
    """Answers each request, told by its blank line; bodies are not expected."""

    def __init__(self, challenge: bytes) -> None:
        self._challenge = challenge
        self._rest = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        *requests, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for request in requests:
            method, path, _ = request.split(b" ", 2)
            answer = self._answer(path, request)
            if method == b"HEAD":
                answer = answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            if path.startswith(_SLOW_PATH):
                self._loop.call_later(DELAY_SECONDS, self._transport.write, answer)
            else:
                self._transport.write(answer)

    def _answer(self, path: bytes, request: bytes) -> bytes:
        if path.startswith(b"/token"):
            return TOKEN
        if path == b"/v2/" or b"\r\nAuthorization: " not in request:
            return self._challenge
        if path.startswith(_FULL_PATH):
            return BY_DIGEST.get(path.rpartition(b"/")[2], INDEX)
        return MANIFEST


async def _serve(pem: str) -> None:
    loop = asyncio.get_running_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    port = listener.getsockname()[1]
    challenge = _challenge(port)
    server = await loop.create_server(lambda: Responder(challenge), sock=listener, ssl=context)
    print(port, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
