"""The provider as it is asked: what it says of itself, its keys, its tokens, and who somebody is.

Everything is dialled over the guarded transport (ADR 3): public addresses and the networks that were set, never a
metadata service, no proxy and no login of the environment, no redirect, bounded in time and bytes. The library behind
`backend` would ask by `requests`, which has none of that.
"""

import asyncio
import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from kairos.oidc.configuration import Configuration
from probes.protocol.exchange import Ask, Fault
from probes.protocol.json_members import read_json
from probes.protocol.plan import Site
from probes.protocol.taxonomy import Stage
from probes.version import VERSION
from probes.wire.exchange import perform
from probes.wire.limits import Limits
from probes.wire.route import Route
from probes.wire.transport import GuardedTransport

ANSWER_SECONDS: Final = 10.0
KEPT_SECONDS: Final = 3600.0
"""What a provider says of itself is asked again after so long."""

_LONGEST_ANSWER: Final = 64 * 1024
_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_LIMITS: Final = Limits()

Pairs = tuple[tuple[str, str], ...]


class ProviderFailed(Exception):
    """The provider is away, or says what it may not. The message names what was asked, and no secret."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself: OpenID Connect Discovery 1.0, section 3."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    takes_secret_in_body: bool = False


class Provider:
    """One provider. Safe to share between threads."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._lock = threading.Lock()
        self._known: tuple[float, Metadata] | None = None

    def metadata(self) -> Metadata:
        """Return what the provider says of itself, at most an hour old. Raises `ProviderFailed`."""
        with self._lock:
            if self._known is None or time.monotonic() - self._known[0] > KEPT_SECONDS:
                document = self._get(self._configuration.issuer.rstrip("/") + _WELL_KNOWN, "what it says of itself")
                self._known = (time.monotonic(), _read(document, self._configuration.issuer))
            return self._known[1]

    def keys(self) -> list[dict[str, Any]]:
        """Return its keys, as they are now: it may have replaced them. Raises `ProviderFailed`."""
        keys = self._get(self.metadata().jwks_uri, "its keys").get("keys")
        if not isinstance(keys, list):
            raise ProviderFailed("its keys are not a list")
        return [key for key in keys if isinstance(key, dict)]

    def tokens(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Redeem a code. `form` is what the request holds beside who we are. Raises `ProviderFailed`."""
        metadata, ours = self.metadata(), self._configuration
        if metadata.takes_secret_in_body:
            return self._post(metadata.token_endpoint, {**form, "client_secret": ours.client_secret}, ())
        # RFC 6749, section 2.3.1: both are encoded before they are joined.
        login = f"{quote(ours.client_id, safe='')}:{quote(ours.client_secret, safe='')}"
        basic = f"Basic {b64encode(login.encode()).decode('ascii')}"
        return self._post(metadata.token_endpoint, dict(form), (("Authorization", basic),))

    def userinfo(self, access_token: str) -> dict[str, Any]:
        """Return further claims about whose token this is; none where it offers none. Raises `ProviderFailed`."""
        if not (endpoint := self.metadata().userinfo_endpoint):
            return {}
        return self._get(endpoint, "who this is", (("Authorization", f"Bearer {access_token}"),))

    def _get(self, url: str, what: str, headers: Pairs = ()) -> dict[str, Any]:
        return self._asked(Ask(id=0, method="GET", url=url, stage=Stage.CONNECT, headers=headers), what)

    def _post(self, url: str, form: Mapping[str, str], headers: Pairs) -> dict[str, Any]:
        ask = Ask(
            id=0,
            method="POST",
            url=url,
            stage=Stage.CONNECT,
            headers=(("Content-Type", "application/x-www-form-urlencoded"), *headers),
            body=urlencode(form).encode(),
            limit_bytes=_LONGEST_ANSWER,
        )
        return self._asked(ask, "a token")

    def _asked(self, ask: Ask, what: str) -> dict[str, Any]:
        # A login is rare, and has a thread of its own: a loop for each is simpler than one that is shared.
        event = asyncio.run(self._perform(ask))
        if isinstance(event, Fault):
            detail = f"{event.kind.value}{': ' if event.detail else ''}{event.detail}"
            raise ProviderFailed(f"asked for {what}: {detail}")
        if event.status != 200:
            raise ProviderFailed(f"asked for {what}: HTTP {event.status}")
        try:
            answer = read_json(event.body)
        except ValueError as error:
            raise ProviderFailed(f"asked for {what}: {error}") from None
        if not isinstance(answer, dict):
            raise ProviderFailed(f"asked for {what}: no object")
        return answer

    async def _perform(self, ask: Ask) -> Any:
        transport = GuardedTransport(_LIMITS, f"kairos/{VERSION}")
        try:
            deadline = asyncio.get_running_loop().time() + ANSWER_SECONDS
            event, _ = await perform(transport, ask, self._route(), _LIMITS, deadline)
            return event
        finally:
            await transport.aclose()

    def _route(self) -> Route:
        ours = self._configuration
        try:
            site = Site(
                allow_cidrs=tuple(map(str, ours.networks)),
                ca_pem=Path(ours.ca_file).read_text(encoding="ascii") if ours.ca_file else "",
                plain_http=urlsplit(ours.issuer).scheme == "http",
            )
            return Route.of(site)
        except (OSError, ValueError):
            raise ProviderFailed("KAIROS_OIDC_CA_FILE cannot be read") from None


def _read(document: Mapping[str, Any], issuer: str) -> Metadata:
    """Take a provider at its word. Raises `ProviderFailed` where it is another's word, or leads to where none may."""
    if document.get("issuer") != issuer:
        raise ProviderFailed("it calls itself otherwise than KAIROS_OIDC_ISSUER does, to the letter")
    methods = document.get("token_endpoint_auth_methods_supported")
    return Metadata(
        authorization_endpoint=_endpoint(document, "authorization_endpoint", issuer),
        token_endpoint=_endpoint(document, "token_endpoint", issuer),
        jwks_uri=_endpoint(document, "jwks_uri", issuer),
        userinfo_endpoint=_endpoint(document, "userinfo_endpoint", issuer, needed=False),
        end_session_endpoint=_endpoint(document, "end_session_endpoint", issuer, needed=False),
        takes_secret_in_body=isinstance(methods, list)
        and "client_secret_post" in methods
        and "client_secret_basic" not in methods,
    )


def _endpoint(document: Mapping[str, Any], name: str, issuer: str, *, needed: bool = True) -> str:
    url = document.get(name)
    if url is None and not needed:
        return ""
    scheme = urlsplit(issuer).scheme
    if not isinstance(url, str) or not url.startswith(("https://", f"{scheme}://")):
        raise ProviderFailed(f"its {name} is no URL that may be gone to")
    return url
