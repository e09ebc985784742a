"""What registry, token service and blob storage do when nobody tells them otherwise."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from tests.fakes.contents import Content
from tests.fakes.dialogue import Says, error, moved
from tests.fakes.fake_registry.accounts import Accounts, Token
from tests.fakes.fake_registry.request import Request
from tests.fakes.store import Repository, Store

TOKEN_PATH: Final = "/token"
_SIGNATURE: Final = "X-Signature"
_EXPIRES: Final = "X-Expires"


@dataclass
class Quota:
    """Pulls as Docker Hub counts them: a GET of a manifest costs one, a HEAD tells what is left."""

    limit: int
    remaining: int
    window_seconds: int = 21600
    retry_after: str = ""

    @property
    def headers(self) -> dict[str, str]:
        window = f";w={self.window_seconds}"
        return {
            "RateLimit-Limit": f"{self.limit}{window}",
            "RateLimit-Remaining": f"{self.remaining}{window}",
            "Docker-RateLimit-Source": "192.0.2.7",
        }

    def refusal(self) -> Says:
        headers = self.headers | ({"Retry-After": self.retry_after} if self.retry_after else {})
        return Says(429, error("TOOMANYREQUESTS", "You have reached your pull rate limit."), headers)


@dataclass
class TokenService:
    """A token service at `/token`, by GET with a password or without, and by POST with a refresh token."""

    accounts: Accounts
    trouble: Callable[[str], None]

    def place(self, request: Request) -> str:
        return "token" if request.path == TOKEN_PATH else request.path

    def answer(self, request: Request) -> Says | None:
        if request.path != TOKEN_PATH:
            return None
        asked = request.form if request.method == "POST" else request.query
        self._judge(asked)
        shows_login = request.method == "POST" or "authorization" in request.headers
        is_user = self.accounts.is_user(request)
        if shows_login and not is_user:
            return Says(401, {"details": "incorrect username or password"})
        repositories = {scope.rpartition(":")[0].partition(":")[2] for scope in asked.get("scope", [])}
        token = self.accounts.issue(repositories, to_user=is_user)
        stated = self.accounts.stated_lifetime_seconds
        return Says(
            200, {"token": token.value, "expires_in": self.accounts.lifetime_seconds if stated is None else stated}
        )

    def _judge(self, asked: dict[str, list[str]]) -> None:
        """Rows C15, C16, T8, T13, T14: one scope, pull alone, nothing empty, no account, no offline token."""
        scopes = asked.get("scope", [])
        if len(scopes) != 1 or not (scopes[0].endswith(":pull") or scopes[0] == "*"):
            self.trouble(f"scopes {scopes}")
        if asked.get("service") in ([""], []) or len(asked.get("service", [""])) != 1:
            self.trouble(f"service {asked.get('service')}")
        if strange := set(asked) & {"account", "offline_token", "access_type"}:
            self.trouble(f"asked for {sorted(strange)}")


@dataclass
class BlobStorage:
    """A CDN: gives blobs to whoever shows a URL that it signed for this verb and that has not expired."""

    store: Store
    now: Callable[[], float]
    seconds: float = 1200  # for how long a signature holds

    def sign(self, origin: str, digest: str, method: str) -> str:
        """Return the signed URL of a blob at `origin`."""
        expires = f"{self.now() + self.seconds:.3f}"
        return f"{origin}/{digest}?{_SIGNATURE}={_signature(digest, method, expires)}&{_EXPIRES}={expires}"

    def place(self, request: Request) -> str:
        digest = request.path.removeprefix("/")
        return self.store.names.get(digest, digest)

    def answer(self, request: Request) -> Says | None:
        digest = request.path.removeprefix("/")
        signature, expires = (request.query.get(name, [""])[0] for name in (_SIGNATURE, _EXPIRES))
        if signature != _signature(digest, request.method, expires):
            return Says(403, "<Error><Code>SignatureDoesNotMatch</Code></Error>", {"Content-Type": "application/xml"})
        if float(expires) <= self.now():
            return Says(
                403, "<Error><Message>Request has expired</Message></Error>", {"Content-Type": "application/xml"}
            )
        return blob(request, self.store, self.store.blob(digest))


@dataclass
class Registry:
    """The distribution API over a store, with or without a login, a quota, and storage elsewhere.

    `challenges` are the WWW-Authenticate lines that ask for a login. `storage` signs the URL of a blob by digest
    and verb, where blobs are elsewhere; `moved_names` limits that to some contents.
    """

    store: Store
    accounts: Accounts
    tokens: TokenService  # for a realm on the registry itself
    challenges: list[str] = field(default_factory=list)
    quota: Quota | None = None
    storage: Callable[[str, str], str] | None = None
    moved_names: frozenset[str] | None = None
    takes_ranges: bool = True

    def place(self, request: Request) -> str:
        if request.path == "/v2/":
            return "ping"
        if request.path == TOKEN_PATH:
            return "token"
        folder, _, target = request.path.rpartition("/")
        target = self.store.names.get(target, target)
        return target if folder.endswith(("/manifests", "/blobs")) else request.path.lstrip("/")

    def answer(self, request: Request) -> Says | None:
        if request.path == TOKEN_PATH:
            return self.tokens.answer(request)
        name, kind, target = _parts(request.path)
        if refused := self._unauthorised(request, name):
            return refused
        if kind == "ping":
            return Says(200, b"{}", {"Docker-Distribution-Api-Version": "registry/2.0"})
        repository = self.store.repositories.get(name)
        if repository is None:
            return Says(404, error("NAME_UNKNOWN", "repository name not known to registry"))
        if kind == "manifests":
            return self._counted(request, self._manifest(repository, target))
        if kind != "blobs":
            return None
        content = repository.blobs.get(target)
        if content is not None and self.storage and content.name in (self.moved_names or {content.name}):
            return moved(self.storage(target, request.method))
        answer = blob(request, self.store, content)
        return answer if self.takes_ranges or answer.status != 206 else blob(_whole(request), self.store, content)

    def _unauthorised(self, request: Request, name: str) -> Says | None:
        """Return the refusal of a request that shows no login, or none that holds (RFC 6750, token.md)."""
        if not self.challenges:
            return None
        scheme, value = request.login
        token = self.accounts.valid(value) if scheme == "bearer" else None
        if (scheme == "basic" and self.accounts.is_user(request)) or (token and _lets_pull(token, name)):
            return None
        errors = {("bearer", False): ',error="invalid_token"', ("bearer", True): ',error="insufficient_scope"'}
        note = errors.get((scheme, token is not None), "")
        headers = {"WWW-Authenticate": tuple(f"{item}{note}" for item in self.challenges)}
        return Says(401, error("UNAUTHORIZED", "authentication required"), headers)

    def _counted(self, request: Request, said: Says) -> Says:
        if self.quota is None:
            return said
        if request.method == "GET":
            if self.quota.remaining <= 0:
                return self.quota.refusal()
            self.quota.remaining -= 1
        return replace(said, headers={**said.headers, **self.quota.headers})

    def _manifest(self, repository: Repository, target: str) -> Says:
        content = repository.documents.get(repository.tags.get(target, target))
        if content is None:
            return Says(404, error("MANIFEST_UNKNOWN", "manifest unknown"))
        headers = {"Content-Type": content.media_type} if content.media_type else {}
        return Says(200, self.store.bytes_of(content), headers | {"Docker-Content-Digest": content.digest})


def blob(request: Request, store: Store, content: Content | None) -> Says:
    """Return a blob, or its first byte to whoever asks for that (RFC 9110, section 14)."""
    if content is None:
        return Says(404, error("BLOB_UNKNOWN", "blob unknown to registry"))
    body = store.bytes_of(content)
    if request.headers.get("range") != "bytes=0-0":
        return Says(200, body, {"Content-Type": "application/octet-stream"})
    if not body:
        return Says(416, b"", {"Content-Range": "bytes */0"})
    return Says(206, body[:1], {"Content-Range": f"bytes 0-0/{len(body)}"})


def challenge(realm: str, service: str, scope: str = "") -> str:
    parameters = {"realm": realm, "service": service, "scope": scope}
    return "Bearer " + ",".join(f"{name}={json.dumps(value)}" for name, value in parameters.items() if value)


def _parts(path: str) -> tuple[str, str, str]:
    if path == "/v2/":
        return "", "ping", ""
    name, kind, target = path.removeprefix("/v2/").rsplit("/", 2)
    return name, kind, target


def _lets_pull(token: Token, name: str) -> bool:
    return not name or name in token.repositories


def _whole(request: Request) -> Request:
    items = tuple((name, value) for name, value in request.headers if name != "range")
    return replace(request, headers=type(request.headers)(items))


def _signature(digest: str, method: str, expires: str) -> str:
    return hashlib.sha256(f"the storage's key {digest} {method} {expires}".encode()).hexdigest()[:32]
