"""A TLS server that costs as little as it can, for measuring clients: `python -m tests.bench.responder PEM`.

Answers `/token` with a token, and a manifest to whoever shows one; `/v2/` and whoever shows none get a 401, as
registries word it. PEM holds key and chain. The port goes to standard output; end of standard input ends the program.
"""

import asyncio
import hashlib
import socket
import ssl
import sys
from typing import cast

_FIELDS = "Content-Type: {}\r\nContent-Length: {}\r\nDate: Mon, 01 Jan 2029 00:00:00 GMT\r\n"
_MANIFEST = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}'
_DIGEST = f"sha256:{hashlib.sha256(_MANIFEST).hexdigest()}"
_TOKEN = b'{"token":"' + b"t" * 512 + b'","expires_in":300}'
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


class Responder(asyncio.Protocol):
    """Answers each request, told by its blank line; bodies are not expected."""

    def __init__(self, challenge: bytes) -> None:
        self._challenge = challenge
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        *requests, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for request in requests:
            method, path, _ = request.split(b" ", 2)
            answer = self._answer(path, request)
            self._transport.write(answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == b"HEAD" else answer)

    def _answer(self, path: bytes, request: bytes) -> bytes:
        if path.startswith(b"/token"):
            return TOKEN
        return MANIFEST if path != b"/v2/" and b"\r\nAuthorization: " in request else self._challenge


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
