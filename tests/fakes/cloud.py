"""Three clouds in one server: their login endpoints, and the registries that want what those hand out.

Each endpoint checks what the real one does: AWS's signature is computed again from the secret, Google's assertion is
verified with the account's public key, Azure's tokens must be those that were given away. `Cloud.requests` tells what
was asked. One answer after another can be put in the place of the endpoints' own (`instead`) or of the registries'
(`registry_instead`), and a gate holds the endpoints.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from probes.protocol.plan import Secret, Site
from tests.fakes import contents

ACCOUNT: Final = "robot@project.iam.gserviceaccount.com"
ACCESS_KEY_ID: Final = "AKIAIOSFODNN7EXAMPLE"
SECRET_ACCESS_KEY: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TENANT: Final = "72f988bf-86f1-41af-91ab-2d7cd011db47"
CLIENT_ID: Final = "0f1e2d3c-aaaa-bbbb-cccc-000000000001"
CLIENT_SECRET: Final = "q8Q~a-client-secret-to-look-for"
ROLE: Final = "arn:aws:iam::123456789012:role/pull-only"
ECR_HOST: Final = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@dataclass(frozen=True)
class Request:
    """One request, as it came."""

    method: str
    target: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Answer:
    """A status with a JSON document, or with bytes as they are."""

    status: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        return self.document if isinstance(self.document, bytes) else json.dumps(self.document).encode()


def new_google_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


_google_key = cache(new_google_key)
"""The one of all clouds: to make one takes a tenth of a second of a core."""


@dataclass
class Cloud:
    """A TLS server on loopback whose certificate is good for `localhost` and for ECR's name. Use with `async with`.

    `lifetime_seconds` is how long what it gives away is good for.
    """

    context: ssl.SSLContext
    ca_pem: str
    lifetime_seconds: float = 3600
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    instead: deque[Answer] = field(default_factory=deque)  # of the login endpoints' own answers
    registry_instead: deque[Answer] = field(default_factory=deque)  # of the registries' own answers
    gate: asyncio.Event = field(default_factory=asyncio.Event)  # shut it, and the login endpoints are silent
    elsewhere: str = ""  # an origin for Azure's token endpoint
    given: set[str] = field(default_factory=set)
    aad_tokens: set[str] = field(default_factory=set)
    aws_keys: list[tuple[str, str]] = field(default_factory=lambda: [(ACCESS_KEY_ID, SECRET_ACCESS_KEY)])

    def __post_init__(self) -> None:
        self.gate.set()
        self.google_key = _google_key()
        self.image = contents.image()
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._visit, "127.0.0.1", 0, ssl=self.context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gate.set()
        self._server.close()
        await self._server.wait_closed()

    # What a check needs to know

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    @property
    def site(self) -> Site:
        return Site(ca_pem=self.ca_pem, allow_cidrs=("127.0.0.0/8",), resolve=((ECR_HOST, ("127.0.0.1",)),))

    def ecr(self, **changes: object) -> Secret:
        key = {"access_key_id": ACCESS_KEY_ID, "secret_access_key": SECRET_ACCESS_KEY, "endpoint": f"{self.url}/"}
        return Secret(provider="ecr", provider_key=json.dumps(key | changes))

    def google(self, **changes: object) -> Secret:
        pem = self.google_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        key = {
            "type": "service_account",
            "client_email": ACCOUNT,
            "private_key": pem.decode(),
            "private_key_id": "key-1",
            "token_uri": f"{self.url}/google/token",
        }
        return Secret(provider="google", provider_key=json.dumps(key | changes))

    def acr(self, **changes: object) -> Secret:
        key = {"tenant": TENANT, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "authority": self.url}
        return Secret(provider="acr", provider_key=json.dumps(key | changes))

    def asked(self, place: str) -> list[Request]:
        return [request for request in self.requests if str(request) == place]

    @property
    def log(self) -> list[str]:
        return [str(request) for request in self.requests]

    # The server

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.splitlines()
                method, target, _ = first.split(" ")
                headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines if x)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                request = Request(method, target, headers, body)
                self.requests.append(request)
                answer = await self._answer(request)
                payload = b"" if method == "HEAD" else answer.body
                fields = {"Content-Length": str(len(answer.body)), **answer.headers}
                lines = [f"HTTP/1.1 {answer.status} -", *(f"{name}: {value}" for name, value in fields.items())]
                writer.write("\r\n".join([*lines, "", ""]).encode() + payload)
        writer.close()

    async def _answer(self, request: Request) -> Answer:
        if request.path.startswith("/v2/"):
            return self.registry_instead.popleft() if self.registry_instead else self._registry(request)
        if request.path == "/oauth2/token":
            return self._acr_token(request)
        await self.gate.wait()
        if self.instead:
            return self.instead.popleft()
        match request.path:
            case "/":
                return self._ecr(request)
            case "/sts":
                return self._sts(request)
            case "/google/token":
                return self._google(request)
            case "/oauth2/exchange":
                return self._acr_exchange(request)
            case _:
                return self._azure(request)

    def _give(self, kind: str) -> str:
        token = f"{kind}-login-{len(self.given) + 1}"
        self.given.add(token)
        return token

    def _ecr(self, request: Request) -> Answer:
        if request.headers.get("x-amz-target") != "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken":
            return Answer(400, {"__type": "UnknownOperationException"})
        if not any(is_signed(request, *key, "eu-west-1", "ecr") for key in self.aws_keys):
            message = "The request signature we calculated does not match the signature you provided."
            return Answer(400, {"__type": "InvalidSignatureException", "message": message})
        token = base64.b64encode(f"AWS:{self._give('ecr')}".encode()).decode()
        data = {"authorizationToken": token, "expiresAt": time.time() + self.lifetime_seconds, "proxyEndpoint": ""}
        return Answer(200, {"authorizationData": [data]})

    def _sts(self, request: Request) -> Answer:
        if not is_signed(request, ACCESS_KEY_ID, SECRET_ACCESS_KEY, "eu-west-1", "sts"):
            return sts_error(403, "SignatureDoesNotMatch", "The signature does not match.")
        form = request.form
        assert (form["Action"], form["RoleSessionName"]) == ("AssumeRole", "kairos-probe")
        if form["RoleArn"] != ROLE:
            return sts_error(403, "AccessDenied", f"not authorized to perform sts:AssumeRole on {form['RoleArn']}")
        self.aws_keys = [("ASIAOFTHEROLE0000000", "a-role's-secret")]  # and no longer the user's own
        self.given |= {"a-role's-secret", "a-role's-session"}
        return Answer(
            200,
            b"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
            <AccessKeyId>ASIAOFTHEROLE0000000</AccessKeyId><SecretAccessKey>a-role's-secret</SecretAccessKey>
            <SessionToken>a-role's-session</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration>
            </Credentials></AssumeRoleResult></AssumeRoleResponse>""",
        )

    def _google(self, request: Request) -> Answer:
        try:
            claims = self._verified(request.form["assertion"])
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it
            description = f"Invalid JWT Signature: {type(error).__name__}"
            return Answer(400, {"error": "invalid_grant", "error_description": description})
        now = time.time()
        assert request.form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        assert claims["aud"] == f"{self.url}/google/token"
        assert claims["iss"] == ACCOUNT
        assert now - 60 <= claims["iat"] <= now < claims["exp"] <= claims["iat"] + 3600
        assert all(scope.startswith("https://www.googleapis.com/auth/") for scope in claims["scope"].split())
        return Answer(200, {"access_token": self._give("google"), "expires_in": int(self.lifetime_seconds)})

    def _verified(self, assertion: str) -> dict[str, Any]:
        signed, _, signature = assertion.rpartition(".")
        self.google_key.public_key().verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        header, claims = (json.loads(_decoded(part)) for part in signed.split("."))
        assert (header["alg"], header["kid"]) == ("RS256", "key-1")
        return dict(claims)

    def _azure(self, request: Request) -> Answer:
        if request.path == f"/{TENANT}/v2.0/.well-known/openid-configuration":
            endpoint = f"{self.elsewhere or self.url}/{TENANT}/oauth2/v2.0"
            return Answer(
                200,
                {
                    "issuer": f"{self.url}/{TENANT}/v2.0",
                    "authorization_endpoint": f"{endpoint}/authorize",
                    "token_endpoint": f"{endpoint}/token",
                },
            )
        if request.path != f"/{TENANT}/oauth2/v2.0/token":
            return Answer(400, {"error": "invalid_tenant", "error_description": "AADSTS90002: Tenant not found."})
        form = request.form
        assert form["grant_type"] == "client_credentials"
        assert form["scope"] == "https://containerregistry.azure.net/.default"
        if (form["client_id"], form["client_secret"]) != (CLIENT_ID, CLIENT_SECRET):
            said = f"AADSTS7000215: Invalid client secret provided: {form['client_secret']}"
            return Answer(401, {"error": "invalid_client", "error_description": said, "error_codes": [7000215]})
        token = f"aad-token-{len(self.aad_tokens) + 1}"
        self.aad_tokens.add(token)
        return Answer(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": token})

    def _acr_exchange(self, request: Request) -> Answer:
        form = request.form
        assert (form["grant_type"], form["service"]) == ("access_token", self.host)
        if form["access_token"] not in self.aad_tokens:
            message = f"Invalid token: {form['access_token']}"
            return Answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": message}]})
        now = int(time.time())
        claims = {"nbf": now, "exp": now + int(self.lifetime_seconds), "jti": self._give("acr")}
        token = f"e30.{_encoded(json.dumps(claims).encode())}.c2ln"
        self.given.add(token)
        return Answer(200, {"refresh_token": token})

    def _acr_token(self, request: Request) -> Answer:
        form = request.form
        if form["refresh_token"] not in self.given:
            return Answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]})
        return Answer(200, {"access_token": "acr-access"})

    def _registry(self, request: Request) -> Answer:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        is_admitted = value == "acr-access"
        if scheme == "Basic":
            is_admitted = base64.b64decode(value).decode().partition(":")[2] in self.given
        if not is_admitted:
            # As ECR and Google ask for a password, or as ACR asks for a token.
            wanted = "Basic" if "/basic/" in request.path else f'Bearer realm="{self.url}/oauth2/token"'
            realm = f'{wanted} realm="here"' if wanted == "Basic" else f'{wanted},service="{self.host}"'
            return Answer(401, {"errors": [{"code": "UNAUTHORIZED"}]}, {"WWW-Authenticate": realm})
        manifest = self.image.manifest
        headers = {"Docker-Content-Digest": manifest.digest, "Content-Type": manifest.media_type}
        return Answer(200, manifest.body, headers)


def sts_error(status: int, code: str, message: str) -> Answer:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return Answer(status, f"<ErrorResponse>{error}</ErrorResponse>".encode())


def is_signed(request: Request, key_id: str, secret: str, region: str, service: str) -> bool:
    """Tell whether `request` bears the signature that AWS computes for it: Signature Version 4, as described."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(",")) if rest else {}
    stamp = request.headers.get("x-amz-date", "")
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    if scheme != "AWS4-HMAC-SHA256" or parts.get("Credential") != f"{key_id}/{scope}":
        return False
    names = parts["SignedHeaders"].split(";")
    assert {"host", "x-amz-date", "content-type"} <= set(names)
    canonical = "\n".join(
        [
            request.method,
            request.path,
            urlsplit(request.target).query,
            *(f"{name}:{request.headers[name]}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (stamp[:8], region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest(), parts["Signature"])


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
