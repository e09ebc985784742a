"""Whatever lists images over HTTP: a script answers each request, and all requests are kept."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came; `path` as it was sent, the values of `query` decoded."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]

    @property
    def authorization(self) -> str:
        return self.headers.get("authorization", "")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; `document` as JSON unless it is bytes."""

    document: Any = None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    pause_seconds: float = 0.0


@dataclass
class ListingService:
    """A server on loopback. `script` may ask it for `self.url`."""

    script: Callable[[Request], Answer]
    requests: list[Request] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    @property
    def authority(self) -> str:
        assert self._server is not None
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.authority}"

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def __enter__(self) -> Self:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                request = Request(parts.path, query, {name.lower(): value for name, value in self.headers.items()})
                service.requests.append(request)
                answer = service.script(request)
                time.sleep(answer.pause_seconds)
                body = answer.document if isinstance(answer.document, bytes) else json.dumps(answer.document).encode()
                self.send_response(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()
