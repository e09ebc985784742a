"""RabbitMQ's management API: JSON over HTTP, to our own broker."""

import base64
import json
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Final, Self
from urllib.parse import quote, unquote, urlsplit

from probes.broker.address import BrokerAddress

ANSWER_SECONDS: Final = 5
MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
PORT: Final = 15672
TLS_PORT: Final = 15671


class ManagementError(Exception):
    """An answer that is none, or says no. The message holds no password. `status` is 0 without an answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class ManagementApi:
    """One connection, made when it is first needed. Every method raises `ManagementError`."""

    def __init__(self, address: BrokerAddress, url: str = "") -> None:
        parts = urlsplit(url or _default_url(address))
        username, password = (parts.username, parts.password) if parts.username else (None, None)
        login = (unquote(username), unquote(password or "")) if username else address.login
        self._authorization = "Basic " + base64.b64encode(":".join(login).encode()).decode()
        host, port = parts.hostname or "", parts.port
        self.place = f"{host}:{port}" if port else host
        self._prefix = parts.path.rstrip("/")
        self._connection: HTTPConnection = (
            HTTPSConnection(host, port, timeout=ANSWER_SECONDS, context=address.ssl_context())
            if parts.scheme == "https"
            else HTTPConnection(host, port, timeout=ANSWER_SECONDS)
        )

    def get(self, *path: str) -> Any:
        return self._ask("GET", path)

    def put(self, *path: str, body: dict[str, Any]) -> None:
        self._ask("PUT", path, body)

    def delete(self, *path: str) -> None:
        """Delete what the path names; that it is not there is no error."""
        try:
            self._ask("DELETE", path)
        except ManagementError as error:
            if error.status != 404:
                raise

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, method: str, path: tuple[str, ...], body: dict[str, Any] | None = None) -> Any:
        target = f"{self._prefix}/api/{'/'.join(quote(part, safe='') for part in path)}"
        headers = {"Authorization": self._authorization, "Content-Type": "application/json"}
        try:
            self._connection.request(method, target, json.dumps(body) if body is not None else None, headers)
            with self._connection.getresponse() as answer:
                return self._read(answer, f"{method} {target}")
        except (OSError, HTTPException, ValueError) as error:
            self._connection.close()
            raise ManagementError(f"{type(error).__name__}: {error}") from None

    def _read(self, answer: HTTPResponse, what: str) -> Any:
        content = answer.read(MAX_ANSWER_BYTES + 1)
        if len(content) > MAX_ANSWER_BYTES:
            raise ValueError(f"the answer to {what} is too long")
        if answer.status >= 400:
            raise ManagementError(f"{what} was answered with {answer.status}", answer.status)
        return json.loads(content) if content else None


def _default_url(address: BrokerAddress) -> str:
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"https://{host}:{TLS_PORT}" if address.is_encrypted else f"http://{host}:{PORT}"
