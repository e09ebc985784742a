"""The token server: who asks for what, and a signed token for as much of it as they may have.

Source: the "Token Authentication Specification" of the Distribution project; behaviour rows T8, T9, T24, T29.
Like Docker Hub it grants an anonymous client that asks for a private or unknown repository a token with an
empty access list, and leaves the refusal to the registry: nobody learns here what exists.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs

from kairos.demo.accounts import Account
from kairos.demo.http1 import Request, Response
from kairos.demo.repository import Repository
from kairos.demo.tokens import LIFETIME_SECONDS, Signer

PATH: Final = "/token"
_JSON: Final = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))


class TokenServer:
    """The handler of the auth host. `services` gives each registry's repositories by its service name."""

    def __init__(
        self,
        *,
        host: str,
        services: Mapping[str, Mapping[str, Repository]],
        account: Account,
        signer: Signer,
        clock: Callable[[], datetime],
    ) -> None:
        self._host = host
        self._services = services
        self._account = account
        self._signer = signer
        self._clock = clock

    def __call__(self, request: Request) -> Response:
        if request.path != PATH:
            return _error(404, "no such page")
        if request.method != "GET":
            return _error(405, "this token server answers GET only", (("Allow", "GET"),))
        query = parse_qs(request.query)
        service = query.get("service", [""])[0]
        if service not in self._services:
            return _error(400, "unknown service")
        logged_in = "authorization" in request.headers
        if logged_in and not self._account.admits(request.headers):
            challenge = ("WWW-Authenticate", f'Basic realm="{self._host}"')
            return _error(401, "incorrect username or password", (challenge,))
        now = self._clock()
        token = self._signer.issue(
            subject=self._account.username if logged_in else "",
            audience=service,
            pull=self._granted(service, query.get("scope", []), logged_in=logged_in),
            now=now,
        )
        document = {
            "token": token,
            "access_token": token,
            "expires_in": LIFETIME_SECONDS,
            "issued_at": now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
        return Response(200, json.dumps(document).encode(), _JSON)

    def _granted(self, service: str, scopes: Iterable[str], *, logged_in: bool) -> list[str]:
        granted = []
        for scope in " ".join(scopes).split():
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            repository = self._services[service].get(name)
            if (
                kind == "repository"
                and "pull" in actions.split(",")
                and repository
                and (logged_in or not repository.scripted.private)
            ):
                granted.append(name)
        return granted


def _error(status: int, message: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    return Response(status, json.dumps({"details": message}).encode(), (*_JSON, *headers))
