"""Azure: a service principal gets a token of Entra ID, and the registry changes it into its own refresh token.

Source: ACR's "AAD-OAuth" document, `POST /oauth2/exchange`; behaviour row T10 and table, part B, "ACR": the refresh
token is an identity token of the all-zero GUID, lasts about three hours, and cannot call the registry itself.
"""

import asyncio
import base64
import json
from collections.abc import Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from probes.protocol.exchange import Method
from probes.protocol.plan import Secret
from probes.protocol.provider import AcrKey
from probes.protocol.taxonomy import Reason
from probes.protocol.urls import UrlRefused, origin_of
from probes.wire.exchangers.line import Lease, Line

if TYPE_CHECKING:
    from concurrent.futures import Future

USERNAME: Final = "00000000-0000-0000-0000-000000000000"
# The registries' own audience: taken also where a registry refuses tokens of Azure's management API.
SCOPE: Final = "https://containerregistry.azure.net/.default"
_EXPIRED_SECRET: Final = 7000222  # AADSTS7000222
_UNSTATED: Final = timedelta(hours=1)


async def exchange(key: AcrKey, registry: str, line: Line) -> Lease:
    """Return the refresh token that the registry gives for `key`. Raises `ExchangeRefused`."""
    aad_token = key.aad_token or await _aad_token(key, line)
    line.hide(aad_token)
    url = f"https://{registry}/oauth2/exchange"
    tenant = {"tenant": key.tenant} if key.tenant else {}
    form = {"grant_type": "access_token", "service": registry, **tenant, "access_token": aad_token}
    reply = await line.post(url, form=form)
    token = line.token(url, line.document(url, reply).get("refresh_token"))
    return Lease(Secret(username=USERNAME, identity_token=token), reply.received_at + _lifetime(token))


async def _aad_token(key: AcrKey, line: Line) -> str:
    """Return a token of Entra ID. msal blocks, so it works in a thread, and its requests come back to this loop."""
    client = _Client(line, asyncio.get_running_loop(), key.authority)
    try:
        answer = await line.in_thread(_acquire, key, client)
    except KeyError:
        line.fail(key.authority, Reason.AUTH_SERVICE_ERROR, "the authority does not say where its tokens are had")
    except ValueError:
        # msal makes one of any refusal that it met when it asked for the tenant's endpoints.
        line.fail(key.authority, Reason.AUTH_BAD_CREDENTIALS, "the authority knows no such tenant")
    finally:
        client.close()
    if "error" in answer:
        _refuse(answer, key, line)
    return line.token(key.authority, answer.get("access_token"))


def _acquire(key: AcrKey, client: "_Client") -> dict[str, Any]:
    import msal  # noqa: PLC0415 - an optional extra

    application = msal.ConfidentialClientApplication(
        key.client_id,
        client_credential=key.client_secret,
        authority=f"{key.authority}/{key.tenant}",
        instance_discovery=False,  # would ask Microsoft whether the operator's authority is one
        http_client=client,
    )
    answer: dict[str, Any] = application.acquire_token_for_client(scopes=[SCOPE])
    return answer


def _refuse(answer: dict[str, Any], key: AcrKey, line: Line) -> None:
    codes = answer.get("error_codes")
    is_expired = isinstance(codes, list) and _EXPIRED_SECRET in codes
    said = answer.get("error_description") or answer["error"]
    reason = Reason.AUTH_EXPIRED if is_expired else Reason.AUTH_BAD_CREDENTIALS
    line.fail(key.authority, reason, said if isinstance(said, str) else "")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What msal wants to see of a reply."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        """Nothing is left to raise: the line let through only what msal has words for."""


class _Client:
    """msal's `http_client`, called from its thread: each request is made on the event loop, over the line.

    Only the authority itself is asked, whatever its discovery document says: the client secret goes along.
    """

    def __init__(self, line: Line, loop: asyncio.AbstractEventLoop, authority: str) -> None:
        self._line = line
        self._loop = loop
        self._origin = origin_of(authority)
        self._under_way: Future[_Answer] | None = None
        self._is_closed = False

    def get(self, url: str, headers: Mapping[str, str] | None = None, **_: Any) -> _Answer:
        return self._ask("GET", url, headers, b"")

    def post(self, url: str, headers: Mapping[str, str] | None = None, data: Any = None, **_: Any) -> _Answer:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", url, {**(headers or {}), **form}, urlencode(data or {}).encode())

    def close(self) -> None:
        """Let go of a request under way, and make no other: whoever waited for it has gone."""
        self._is_closed = True
        if self._under_way is not None:
            self._under_way.cancel()

    def _ask(self, method: Method, url: str, headers: Mapping[str, str] | None, body: bytes) -> _Answer:
        if self._is_closed:
            raise CancelledError
        asked = self._answer(method, url, tuple((headers or {}).items()), body)
        self._under_way = asyncio.run_coroutine_threadsafe(asked, self._loop)
        return self._under_way.result()

    async def _answer(self, method: Method, url: str, headers: tuple[tuple[str, str], ...], body: bytes) -> _Answer:
        try:
            is_authority = origin_of(url) == self._origin
        except UrlRefused:
            is_authority = False
        if not is_authority:
            self._line.fail(
                str(self._origin),
                Reason.AUTH_REALM_UNTRUSTED,
                "its token endpoint is on another host",
                hint="The Azure authority would send the client secret elsewhere. Name the authority that it means.",
            )
        reply = await self._line.ask(method, url, body=body, headers=headers)
        if reply.status < 500 and (reply.status == 200 or reply.body[:1] != b"{"):
            self._line.document(url, reply)  # msal would log a body that it cannot read
        return _Answer(reply.status, reply.body.decode("utf-8", "replace"), dict(reply.headers.items))


def _lifetime(token: str) -> timedelta:
    """Return how long a refresh token lasts, by its own claims; it is opaque to us in all else (row T33)."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return timedelta(seconds=claims["exp"] - claims.get("iat", claims.get("nbf")))
    except (IndexError, KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        return _UNSTATED
