"""The heaviest documents that a registry may send, and a server that sends them at no cost to the measurement.

The server is a thread that hands ready-made bytes to the kernel: it allocates next to nothing while a check runs,
so that what `tracemalloc` sees beyond its start is the check's.
"""

import gzip
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from random import Random
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any, Final

from probes.protocol.manifest import OCI_INDEX, OCI_MANIFEST
from tests.fakes.contents import CONFIG, LAYER

MOST: Final = 4 * 1024 * 1024
HOST: Final = "127.0.0.1"
_DIGEST: Final = "sha256:" + "a" * 64
_IMAGE: Final = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": CONFIG, "digest": _DIGEST, "size": 2},
        "layers": [],
    }
)[:-1]


def padded(start: str, filling: str, end: str, size: int = MOST) -> bytes:
    """Return `start`, as many of `filling` as fit, and `end`."""
    room = size - len((start + end).encode())
    return (start + filling * (room // len(filling.encode())) + end).encode()


def noise(start: str, end: str, size: int = MOST) -> bytes:
    """Return a document that no compression makes smaller by much."""
    alphabet = bytes(letter for letter in range(33, 127) if letter not in b'"\\')
    table = bytes(alphabet[number % len(alphabet)] for number in range(256))
    room = size - len(start + end)
    return start.encode() + Random(1).randbytes(room).translate(table) + end.encode()


def descriptors(number: int, media_type: str = LAYER, **more: Any) -> list[dict[str, Any]]:
    """Return pointers to as many different things."""
    return [{"mediaType": media_type, "digest": f"sha256:{n:064x}", "size": 2, **more} for n in range(number)]


def platformed(number: int, letters: int) -> list[dict[str, Any]]:
    """Return children for as many strange platforms, each of whose four words has so many letters."""
    word = "z" * (letters - 6)
    return [
        {**one, "platform": {"os": f"o{n:05}{word}", "architecture": f"a{word}", "variant": f"v{word}"}}
        for n, one in enumerate(descriptors(number, OCI_MANIFEST))
    ]


DOCUMENTS: Final[Mapping[str, bytes]] = {
    "lists in lists": padded(_IMAGE + ',"annotations":[', "[],", "0]}"),
    "objects": padded(_IMAGE + ',"annotations":[', "{},", "0]}"),
    "objects with a member": padded(_IMAGE + ',"annotations":[', '{"":0},', "0]}"),
    "one astral letter": padded(_IMAGE + ',"annotations":"\U0001f98a', "x", '"}'),
    "one astral letter in mediaType": padded('{"schemaVersion":2,"mediaType":"\U0001f98a', "x", '"}'),
    "escaped letters": padded(_IMAGE + ',"annotations":"', "\\ud83e\\udd8a", '"}'),
    "half letters": padded(_IMAGE + ',"annotations":"', "\\ud83e", '"}'),
    "numbers": padded(_IMAGE + ',"annotations":[', "1.5,", "0]}"),
    "one long number": padded('{"schemaVersion":', "9", "}"),
    "zeros for layers": padded('{"schemaVersion":2,"config":{},"layers":[', "0,", "0]}"),
    "tiny layers": padded('{"schemaVersion":2,"config":{},"layers":[', "{},", "{}]}"),
    "tiny descriptors": padded('{"schemaVersion":2,"manifests":[', '{"mediaType":0,"digest":0,"size":0},', "{}]}"),
    "as many objects as may be": padded(
        '{"schemaVersion":2,"config":{},"layers":[',
        '{"mediaType":0,"digest":0,"size":0,"platform":0,"annotations":0,"urls":0},',
        "{}]}",
        8000 * 75,
    ),
    "the same name": padded("{", '"schemaVersion":2,', '"x":0}'),
    "long media types": json.dumps(
        {
            "schemaVersion": 2,
            "config": descriptors(1, CONFIG)[0],
            "layers": descriptors(2000, "\U0001f98a" + "x" * 2000),
        },
        ensure_ascii=False,
    ).encode(),
    "two thousand layers": json.dumps(
        {"schemaVersion": 2, "config": descriptors(1, CONFIG)[0], "layers": descriptors(2000)}
    ).encode(),
    "two thousand platforms": json.dumps({"schemaVersion": 2, "manifests": platformed(2000, 64)}).encode(),
    "deep": padded("", "[", ""),
    "noise": noise(_IMAGE + ',"annotations":"', '"}'),
    "a web page": padded("<html>", "<p>", "</html>"),
    "no JSON": padded("", "x", ""),
    "not UTF-8": b'{"\xf0\x9f\xa6\x8a":"' + b"\xff" * (MOST - 9),
}


Answer = Callable[[bytes], bytes]
"""From a request's head to a whole response."""


@contextmanager
def serving(answer: Answer) -> Iterator[int]:
    """Answer every request on loopback; the value is the port."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            head = b""
            with suppress(OSError):  # the client hangs up when it has had enough
                while piece := self.request.recv(65536):
                    head += piece
                    if head.endswith(b"\r\n\r\n"):
                        self.request.sendall(answer(head))
                        head = b""

    class Server(ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True
        request_queue_size = 256

    with Server((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def response(status: str, body: bytes, *headers: str) -> bytes:
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def in_chunks(body: bytes, size: int, *headers: str) -> bytes:
    """Return a response whose body comes in chunks of `size` bytes."""
    pieces = (b"%x\r\n%b\r\n" % (len(body[at : at + size]), body[at : at + size]) for at in range(0, len(body), size))
    head = "\r\n".join(("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", *headers)).encode()
    return head + b"\r\n\r\n" + b"".join(pieces) + b"0\r\n\r\n"


def digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def packed(body: bytes) -> bytes:
    return gzip.compress(body, 1)


def index_of(children: Mapping[str, bytes], media_type: str = OCI_MANIFEST) -> bytes:
    """Return an index of these documents, one for each architecture."""
    entries = [
        {
            "mediaType": media_type,
            "digest": digest_of(body),
            "size": len(body),
            "platform": {"os": "linux", "architecture": name},
        }
        for name, body in children.items()
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
