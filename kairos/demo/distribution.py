"""The registry's side of the conversation: the OCI Distribution API, for reading.

Every repository wants a Bearer token, public ones an anonymous one, as at Docker Hub. The script's faults
strike after the token was accepted. Source: OCI distribution-spec 1.1; RFC 6750 for the challenge's errors.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qs

from kairos.demo import auth
from kairos.demo.content import Content
from kairos.demo.http1 import Request, Response
from kairos.demo.repository import Repository
from kairos.demo.script import Part, Quota, Refusal, Store
from kairos.demo.sites import Site, Sites
from kairos.demo.storage import Storage, ranged
from kairos.demo.tokens import InvalidToken, Signer

_VERSION: Final = ("Docker-Distribution-Api-Version", "registry/2.0")
_JSON: Final = (("Content-Type", "application/json"), _VERSION)
_ROUTE: Final = re.compile(r"/v2/(.+)/(manifests|blobs|tags(?=/list$))/([^/]+)")
_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_DIGEST: Final = re.compile(r"sha256:[a-f0-9]{64}")
_REGION: Final = re.compile(r"\bregion=([a-z0-9-]+)")


class Distribution:
    """The handler of one registry host. `parts` maps a worker's region to the part of the script it plays."""

    def __init__(
        self,
        *,
        site: Site,
        sites: Sites,
        repositories: Mapping[str, Repository],
        storage: Storage,
        signer: Signer,
        parts: Mapping[str, str],
        clock: Callable[[], datetime],
    ) -> None:
        self._site = site
        self._sites = sites
        self._repositories = repositories
        self._storage = storage
        self._signer = signer
        self._parts = parts
        self._clock = clock
        self._stores = {Store.BLOBS: sites.blobs, Store.OLD_BLOBS: sites.old_blobs}
        self._manifests = {
            digest: _manifest(content)
            for repository in repositories.values()
            for digest, content in repository.manifests.items()
        }
        self._answers = {"manifests": self._manifest_answer, "blobs": self._blob_answer, "tags": _tags}

    def __call__(self, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return _error(405, "UNSUPPORTED", "this registry is for reading", (("Allow", "GET, HEAD"),))
        if request.path in {"/v2", "/v2/"}:
            return self._refusal(request, "") or Response(200, b"{}", _JSON)
        route = _ROUTE.fullmatch(request.path)
        if not route:
            return _error(404, "UNSUPPORTED", "no such page")
        name, kind, reference = route.groups()
        if refusal := self._refusal(request, name):
            return refusal
        # The token server grants existing repositories only, so what the token names is there.
        return self._answers[kind](request, self._repositories[name], reference)

    def _refusal(self, request: Request, name: str) -> Response | None:
        """Return what denies the request the repository, or with an empty name the API; None when nothing."""
        if name and not _NAME.fullmatch(name):
            return _error(400, "NAME_INVALID", "invalid repository name")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return self._challenge(request, name, "")
        try:
            claims = self._signer.verify(token.strip(), audience=self._site.host, now=self._clock())
        except InvalidToken:
            return self._challenge(request, name, "invalid_token")
        if name and name not in claims.pull:
            return self._challenge(request, name, "insufficient_scope")
        return None

    def _challenge(self, request: Request, name: str, error: str) -> Response:
        realm = f"{self._sites.auth.origin(by_address=_came_by_address(request))}{auth.PATH}"
        challenge = f'Bearer realm="{realm}",service="{self._site.host}"'
        scope = f"repository:{name}:pull" if name else ""
        if scope:
            challenge += f',scope="{scope}"'
        if error:
            challenge += f',error="{error}"'
        detail = [{"Type": "repository", "Name": name, "Action": "pull"}] if name else None
        headers = (("WWW-Authenticate", challenge),)
        return _error(401, "UNAUTHORIZED", "authentication required", headers, detail)

    def _manifest_answer(self, request: Request, repository: Repository, reference: str) -> Response:
        region = self._region(request)
        delay_seconds, refusal = self._fault(request, repository, Part.MANIFEST, region)
        if refusal:
            return _with_quota(_refused(refusal, delay_seconds), repository.scripted.quota, request)
        if ":" in reference:
            if not _DIGEST.fullmatch(reference):
                return _error(400, "DIGEST_INVALID", "invalid digest")
            content = repository.manifests.get(reference)
        else:
            content = repository.tagged(reference, region)
        accept = request.headers.get("accept", "*/*")
        if not content or not ("*/*" in accept or content.media_type in accept):
            return _error(404, "MANIFEST_UNKNOWN", "manifest unknown", delay_seconds=delay_seconds)
        answer = self._manifests[content.digest]
        if delay_seconds:
            answer = Response(answer.status, answer.body, answer.headers, delay_seconds)
        return _with_quota(answer, repository.scripted.quota, request)

    def _blob_answer(self, request: Request, repository: Repository, digest: str) -> Response:
        if not _DIGEST.fullmatch(digest):
            return _error(400, "DIGEST_INVALID", "invalid digest")
        blob = repository.blobs.get(digest)
        if not blob:
            return _error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        if part := repository.part(digest):
            delay_seconds, refusal = self._fault(request, repository, part, self._region(request))
            if refusal:
                return _refused(refusal, delay_seconds)
        store = self._stores.get(repository.scripted.store)
        if store is None:
            return ranged(blob, request)
        origin = store.origin(by_address=_came_by_address(request))
        location = f"{origin}{self._storage.target(digest, request.method)}"
        return Response(307, b"", (("Location", location), ("Docker-Content-Digest", digest), _VERSION))

    def _fault(
        self, request: Request, repository: Repository, part: Part, region: str
    ) -> tuple[float, Refusal | None]:
        if not repository.scripted.faults:
            return 0.0, None
        fault = repository.scripted.fault(part, method=request.method, region=region, now=self._clock())
        return (fault.delay_seconds, fault.refusal) if fault else (0.0, None)

    def _region(self, request: Request) -> str:
        return self._parts.get(_region_named(request.headers.get("user-agent", "")), "")


@lru_cache(maxsize=256)
def _region_named(user_agent: str) -> str:
    found = _REGION.search(user_agent)
    return found[1] if found else ""


def _came_by_address(request: Request) -> bool:
    """Tell whether the client knows us by address: it is sent on likewise, for it may have no names."""
    return request.headers.get("host", "")[:1].isdigit()


def _manifest(content: Content) -> Response:
    headers = (
        ("Content-Type", content.media_type),
        ("Docker-Content-Digest", content.digest),
        ("ETag", f'"{content.digest}"'),
        _VERSION,
    )
    return Response(200, content.data, headers)


def _tags(request: Request, repository: Repository, _list: str) -> Response:
    query = parse_qs(request.query)
    last, limit = query.get("last", [""])[0], query.get("n", [""])[0]
    tags = [tag for tag in (repository.scripted.tag,) if tag > last]
    if limit.isdigit():
        tags = tags[: int(limit)]
    document = {"name": repository.scripted.repository, "tags": tags}
    return Response(200, json.dumps(document).encode(), _JSON)


def _with_quota(response: Response, quota: Quota | None, request: Request) -> Response:
    if not quota:
        return response
    headers = (
        ("ratelimit-limit", f"{quota.limit};w={quota.window_seconds}"),
        ("ratelimit-remaining", f"{quota.remaining};w={quota.window_seconds}"),
        ("docker-ratelimit-source", request.client),
    )
    return Response(response.status, response.body, (*response.headers, *headers), response.delay_seconds)


def _refused(refusal: Refusal, delay_seconds: float) -> Response:
    after = refusal.retry_after_seconds
    headers = (("Retry-After", str(after)),) if after is not None else ()
    return _error(refusal.status, refusal.code, refusal.message, headers, delay_seconds=delay_seconds)


def _error(
    status: int,
    code: str,
    message: str,
    headers: tuple[tuple[str, str], ...] = (),
    detail: Any = None,
    *,
    delay_seconds: float = 0.0,
) -> Response:
    error = {"code": code, "message": message} | ({"detail": detail} if detail else {})
    return Response(status, json.dumps({"errors": [error]}).encode(), (*_JSON, *headers), delay_seconds)
