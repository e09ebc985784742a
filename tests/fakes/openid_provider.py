"""An OpenID provider on loopback: discovery, keys, authorisation, tokens and userinfo, and the lies one can tell.

    provider.people["ada"] = {"groups": ["sre"]}
    provider.logged_in = "ada"            # who sits at the browser; authorisation asks nothing
    back = provider.authorise(address)    # follow a browser's redirect there, and return where it is sent back

What it is asked for is checked as a strict provider would: the client's login, the redirect, PKCE, a code used once.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT_ID: Final = "kairos-client"
CLIENT_SECRET: Final = "a secret: with / signs & more"
KEY_ID: Final = "key-1"

_KEYS: Final = {name: rsa.generate_private_key(public_exponent=65537, key_size=2048) for name in ("own", "stranger")}

Claims = dict[str, Any]


@dataclass
class OpenIdProvider:
    """Its people, and how it behaves. What starts with `lie` is called with what it would say, and says otherwise."""

    people: dict[str, Claims] = field(default_factory=dict)
    logged_in: str = ""
    takes_secret_in_body: bool = False
    offers_userinfo: bool = True
    is_away: bool = False
    in_token: tuple[str, ...] = ()  # claims that are in the ID token as well
    lie_in_metadata: Callable[[Claims], Claims] = lambda said: said
    lie_in_token: Callable[[Claims], Claims] = lambda said: said
    lie_in_header: Callable[[Claims], Claims] = lambda said: said
    lie_in_userinfo: Callable[[Claims], Claims] = lambda said: said
    sign: Callable[[bytes], bytes] = field(default_factory=lambda: signer("own"))
    status: int = 200  # of tokens
    requests: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    port: int = 0
    _codes: dict[str, Claims] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}/realm"

    def authorise(self, address: str) -> str:
        """Ask for a page of it as a browser, and return where that is sent."""
        parts = urlsplit(address)
        assert parts.netloc == f"127.0.0.1:{self.port}"
        connection = HTTPConnection(parts.netloc, timeout=5)
        connection.request("GET", f"{parts.path}?{parts.query}")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert answer.status == 302, (answer.status, self.refused)
        return str(answer.headers["Location"])

    def answer(self, method: str, path: str, query: Claims, form: Claims, login: str) -> tuple[int, Claims]:
        """Return status and document; of a redirect its place as `location`."""
        self.requests.append(f"{method} {path}")
        if self.is_away:
            return 503, {}
        match method, path.removeprefix("/realm"):
            case "GET", "/.well-known/openid-configuration":
                return 200, self.lie_in_metadata(self._metadata())
            case "GET", "/keys":
                return 200, {"keys": [public_key("own")]}
            case "GET", "/authorise":
                return self._authorise(query)
            case "POST", "/token":
                return (self.status, {"error": "told to"}) if self.status != 200 else self._token(form, login)
            case "GET", "/userinfo":
                return self._userinfo(login)
        return 404, {}

    def _metadata(self) -> Claims:
        said: Claims = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorise?policy=strict",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/logout",
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        if self.offers_userinfo:
            said["userinfo_endpoint"] = f"{self.issuer}/userinfo"
        if self.takes_secret_in_body:
            said["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
        return said

    def _authorise(self, query: Claims) -> tuple[int, Claims]:
        wanted = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "code_challenge_method": "S256",
            "policy": "strict",
        }
        if wrong := [name for name, value in wanted.items() if query.get(name) != value]:
            return self._refuse(f"authorise: {wrong}")
        if "openid" not in query["scope"].split() or not query.get("nonce") or not query.get("state"):
            return self._refuse("authorise: scope, nonce or state")
        if not self.logged_in:
            said = {"error": "access_denied", "state": query["state"]}
        else:
            code = secrets.token_urlsafe()
            self._codes[code] = {**query, "who": self.logged_in}
            said = {"code": code, "state": query["state"]}
        return 302, {"location": f"{query['redirect_uri']}?{urlencode(said)}"}

    def _token(self, form: Claims, login: str) -> tuple[int, Claims]:
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or form.get("grant_type") != "authorization_code":
            return self._refuse("token: no such code")
        if self.takes_secret_in_body:
            found = (form.get("client_id"), form.get("client_secret"))
        else:
            name, _, secret = base64.b64decode(login.removeprefix("Basic ")).decode().partition(":")
            found = (unquote(name), unquote(secret))
            if "client_secret" in form:
                return self._refuse("token: the secret is told twice")
        if found != (CLIENT_ID, CLIENT_SECRET):
            return self._refuse("token: not our client")
        if form.get("redirect_uri") != asked["redirect_uri"]:
            return self._refuse("token: another redirect")
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if encoded(verifier) != asked["code_challenge"]:
            return self._refuse("token: PKCE")
        access = secrets.token_urlsafe()
        self._tokens[access] = asked["who"]
        return 200, {"access_token": access, "token_type": "Bearer", "id_token": self._id_token(asked)}

    def _id_token(self, asked: Claims) -> str:
        now, person = int(time.time()), self.people[asked["who"]]
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": person.get("sub", asked["who"]),
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **{name: person[name] for name in self.in_token if name in person},
        }
        header = self.lie_in_header({"alg": "RS256", "typ": "JWT", "kid": KEY_ID})
        signed = f"{packed(header)}.{packed(self.lie_in_token(claims))}"
        return f"{signed}.{encoded(self.sign(signed.encode()))}"

    def _userinfo(self, login: str) -> tuple[int, Claims]:
        who = self._tokens.get(login.removeprefix("Bearer "), "")
        if not who:
            return self._refuse("userinfo: no such token")
        return 200, self.lie_in_userinfo({"sub": who, "preferred_username": who, **self.people[who]})

    def _refuse(self, why: str) -> tuple[int, Claims]:
        self.refused.append(why)
        return 400, {"error": "invalid_request"}


def signer(name: str) -> Callable[[bytes], bytes]:
    """Return RS256 by one of the two keys: `own`, which the provider publishes, or `stranger`."""
    return lambda text: _KEYS[name].sign(text, padding.PKCS1v15(), hashes.SHA256())


def public_key(name: str) -> Claims:
    numbers = _KEYS[name].public_key().public_numbers()
    return {
        "kty": "RSA",
        "kid": KEY_ID,
        "use": "sig",
        "alg": "RS256",
        "n": encoded(numbers.n.to_bytes(256, "big")),
        "e": encoded(numbers.e.to_bytes(3, "big")),
    }


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def packed(document: Claims) -> str:
    return encoded(json.dumps(document).encode())


@contextmanager
def serving(provider: OpenIdProvider) -> Iterator[OpenIdProvider]:
    """Run it while this holds."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._serve(dict(parse_qsl(body.decode())))

        def _serve(self, form: Claims) -> None:
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            login = self.headers.get("Authorization", "")
            status, document = provider.answer(self.command, parts.path, query, form, login)
            body = json.dumps(document).encode()
            self.send_response(status)
            if "location" in document:
                self.send_header("Location", document["location"])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
