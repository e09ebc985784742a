"""A token server as registries have beside them: users, repositories, and JWTs signed under a certificate.

It keeps to the distribution token specification: the access that a user lacks is left out of the token, and only
wrong credentials are refused. It records every request.
"""

import base64
import json
import ssl
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


@dataclass(slots=True)
class TokenServer:
    """A TLS server with a `/token` endpoint; `certificate` and `key` serve for TLS and for signing (RSA, PEM).

    `users` maps names to passwords; a user may do anything, and everybody may pull what is in `public`.
    """

    certificate: Path
    key: Path
    users: Mapping[str, str]
    public: frozenset[str] = frozenset()
    service: str = "registry"
    issuer: str = "tests"
    address: str = "127.0.0.1"
    requests: list[str] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None
    _signing_key: rsa.RSAPrivateKey | None = None  # OpenSSL tests a key at each loading, for longer than it signs

    def __enter__(self) -> Self:
        key = serialization.load_pem_private_key(self.key.read_bytes(), password=None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self._signing_key = key
        self._server = ThreadingHTTPServer((self.address, 0), _handler(self))
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def realm(self) -> str:
        assert self._server is not None
        return f"https://{self.address}:{self._server.server_port}/token"

    def token(self, user: str | None, scopes: list[str]) -> str:
        """Return a JWT that grants of `scopes` what `user` (None: anybody) may have."""
        access = []
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            granted = actions.split(",") if user else ["pull"] if name in self.public else []
            if granted:
                access.append({"type": kind, "name": name, "actions": granted})
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": user or "", "aud": self.service, "exp": now + 300, "nbf": now - 10,
            "iat": now, "jti": uuid.uuid4().hex, "access": access,
        }  # fmt: skip
        return self._signed(claims)

    def _signed(self, claims: dict[str, Any]) -> str:
        certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        der = certificate.public_bytes(serialization.Encoding.DER)
        header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
        signed = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
        assert self._signing_key is not None
        signature = self._signing_key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_part(signature)}"


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _handler(server: TokenServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests.append(self.path)
            user = _user(self.headers.get("Authorization", ""), server.users)
            if user is _WRONG:
                self._send(401, {"errors": [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]})
                return
            scopes = [
                scope for item in parse_qs(urlsplit(self.path).query).get("scope", []) for scope in item.split()
            ]
            self._send(200, {"token": server.token(user, scopes), "expires_in": 300})

        def do_POST(self) -> None:
            self._send(404, {})  # no OAuth2 here, as at many; containerd asks for it first (row T11)

        def _send(self, status: int, document: object) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: `requests` keeps what a test may ask for."""

    return Handler


_WRONG = "\0wrong"


def _user(authorization: str, users: Mapping[str, str]) -> str | None:
    """Return the user who logs in, None for nobody, `_WRONG` for wrong credentials."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    name, _, password = base64.b64decode(encoded).decode().partition(":")
    return name if users.get(name) == password else _WRONG
