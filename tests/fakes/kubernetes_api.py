"""An API server of Kubernetes as far as lists go: recorded JSON by pages, and each way in which a list goes wrong."""

import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

RECORDED: Final = Path(__file__).parent / "recorded_cluster"
TOKEN: Final = "sa-token-of-the-tests"


@dataclass(frozen=True, slots=True)
class Listed:
    """A list that was asked for: where, with which query."""

    path: str
    query: dict[str, str]
    authorization: str


@dataclass
class KubernetesApi:
    """`lists` by path. A `misbehaviour` answers in place of a page, or with None leaves it to the page."""

    tls: ssl.SSLContext | None = None
    token: str = TOKEN
    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    misbehaviour: Callable[[Listed], tuple[int, dict[str, Any]] | None] = lambda _: None
    pause_seconds: float = 0.0
    asked: list[Listed] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    @classmethod
    def recorded(cls, tls: ssl.SSLContext | None = None) -> Self:
        """Return one that has what was recorded, list by list."""
        api = cls(tls)
        for path in sorted(RECORDED.glob("*.json")):
            document = json.loads(path.read_text())
            api.lists[document["path"]] = document["items"]
        return api

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, document = api.answer(self.path, self.headers.get("Authorization", ""))
                body = json.dumps(document).encode()
                time.sleep(api.pause_seconds)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def answer(self, target: str, authorization: str) -> tuple[int, dict[str, Any]]:
        parts = urlsplit(target)
        asked = Listed(parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}, authorization)
        self.asked.append(asked)
        if self.token and authorization != f"Bearer {self.token}":
            return failure(401, "Unauthorized", "Unauthorized")
        if (instead := self.misbehaviour(asked)) is not None:
            return instead
        return self.page(asked)

    def page(self, asked: Listed) -> tuple[int, dict[str, Any]]:
        path, _, namespace = asked.path, "", ""
        if "/namespaces/" in path:
            before, _, rest = path.partition("/namespaces/")
            namespace, _, plural = rest.partition("/")
            path = f"{before}/{plural}"
        items = self.lists.get(path)
        if items is None:
            return failure(404, "NotFound", "the server could not find the requested resource")
        items = [item for item in items if namespace in ("", item["metadata"]["namespace"])]
        wanted = dict(pair.split("=") for pair in asked.query.get("labelSelector", "").split(",") if pair)
        items = [item for item in items if wanted.items() <= item["metadata"].get("labels", {}).items()]
        start, limit = int(asked.query.get("continue", "0")), int(asked.query["limit"])
        metadata: dict[str, Any] = {"resourceVersion": "10245"}
        if start + limit < len(items):
            metadata |= {"continue": str(start + limit), "remainingItemCount": len(items) - start - limit}
        return 200, {"kind": "List", "metadata": metadata, "items": items[start : start + limit]}


def failure(status: int, reason: str, message: str) -> tuple[int, dict[str, Any]]:
    """Return a `Status` as the API server gives one."""
    document = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": status,
    }
    return status, document
