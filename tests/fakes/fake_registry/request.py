"""One request as a host received it."""

import base64
import binascii
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

from probes.protocol.exchange import Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What came, and on which of the host's connections (counted from 1). `resumed` is None without TLS."""

    host: str
    connection: int
    resumed: bool | None
    method: str
    target: str
    headers: Headers
    body: bytes = b""

    def with_body(self, body: bytes) -> "Request":
        return replace(self, body=body)

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.body.decode(), keep_blank_values=True)

    @property
    def login(self) -> tuple[str, str]:
        """The Authorization's scheme in lower case and what follows it; both empty where there is none."""
        scheme, _, value = self.headers.get("authorization").partition(" ")
        return scheme.lower(), value

    @property
    def password(self) -> tuple[str, str]:
        """Name and password of a Basic login, empty where there is none."""
        scheme, value = self.login
        if scheme != "basic":
            return "", ""
        try:
            name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return name, password

    @property
    def shown_login(self) -> str:
        """The login as a line of the log tells it: ` as alice`, ` with token-1`, ` with a refresh token`."""
        scheme, value = self.login
        if scheme == "basic":
            return f" as {self.password[0]}"
        if scheme:
            return f" with {value}"
        return " with a refresh token" if self.method == "POST" and "refresh_token" in self.form else ""


def read_request(head: bytes, *, host: str, connection: int, resumed: bool | None) -> Request:
    """Return the request whose head came. Raises `ValueError` when it is not one as RFC 9112 has it."""
    first, *lines = head.removesuffix(b"\r\n\r\n").decode("ascii").split("\r\n")
    method, target, version = first.split(" ")
    if version != "HTTP/1.1" or not target.startswith("/"):
        raise ValueError(f"no request line: {first!r}")
    fields = []
    for line in lines:
        name, colon, value = line.partition(": ")
        if not colon or name != name.strip() or value != value.strip():
            raise ValueError(f"no header field: {line!r}")
        fields.append((name, value))
    return Request(
        host=host, connection=connection, resumed=resumed, method=method, target=target, headers=Headers.of(fields)
    )
