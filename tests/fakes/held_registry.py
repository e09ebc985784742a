"""A registry that has every image, and lets whoever asks wait for as long as a test wants.

It answers what a check at depth `resolve` asks: HEAD of a tag, over plain HTTP.
"""

import hashlib
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self

HOLD_SECONDS: Final = 60.0
_REGION: Final = re.compile(r"\(region=([a-z0-9-]+)\)")
_REPOSITORY: Final = re.compile(r"/v2/(.+)/manifests/")
_MANIFEST: Final = b'{"schemaVersion":2}'


class HeldRegistry:
    """A context manager, on a port of its own at `address`.

    `waiting` counts by region the requests that are being held, `ports` are whose they are; `asked` counts all there
    were by region and repository. `pause_seconds` is how long each answer to a region takes.
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.waiting: Counter[str] = Counter()
        self.asked: Counter[tuple[str, str]] = Counter()
        self.ports: set[int] = set()
        self.pause_seconds: dict[str, float] = {}
        self._lock = threading.Lock()
        self._held: dict[str, tuple[str, threading.Event]] = {}
        self._server = _Server((address, 0), _handler(self))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for region in list(self._held):
            self.release(region)
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def authority(self) -> str:
        return f"{self._server.server_address[0]!s}:{self.port}"

    def hold(self, region: str, repository_prefix: str = "") -> None:
        """Answer no request of this region for these repositories until `release`."""
        self._held[region] = (repository_prefix, threading.Event())

    def release(self, region: str) -> None:
        _, event = self._held.pop(region)
        event.set()

    @contextmanager
    def holding(self, region: str, repository_prefix: str = "") -> Iterator[None]:
        self.hold(region, repository_prefix)
        try:
            yield
        finally:
            if region in self._held:
                self.release(region)

    def count(self, region: str, repository: str) -> None:
        with self._lock:
            self.asked[region, repository] += 1

    def wait_if_held(self, region: str, repository: str, port: int) -> None:
        time.sleep(self.pause_seconds.get(region, 0.0))
        prefix, event = self._held.get(region, ("", None))
        if event is None or not repository.startswith(prefix):
            return
        with self._lock:
            self.waiting[region] += 1
            self.ports.add(port)
        event.wait(HOLD_SECONDS)
        with self._lock:
            self.waiting[region] -= 1
            self.ports.discard(port)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that were killed before they had their answer."""


def _handler(registry: HeldRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            region = _REGION.search(self.headers["User-Agent"])
            repository = _REPOSITORY.match(self.path)
            assert region, self.headers["User-Agent"]
            assert repository, self.path
            registry.count(region[1], repository[1])
            registry.wait_if_held(region[1], repository[1], self.client_address[1])
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
            self.send_header("Content-Length", str(len(_MANIFEST)))
            self.send_header("Docker-Content-Digest", f"sha256:{hashlib.sha256(_MANIFEST).hexdigest()}")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: `waiting` is what a test asks for."""

    return Handler
