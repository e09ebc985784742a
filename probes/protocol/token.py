"""The token exchange: what is asked of a realm, and what its reply is worth.

Source: distribution token specification (token.md, oauth.md); behaviour rows C13 to C16, T1 to T22. Whom a
credential may be shown to is decided here and nowhere else.
"""

import base64
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from probes.protocol.challenge import Challenge
from probes.protocol.domains import same_owner
from probes.protocol.manifest import looks_like_html, read_json
from probes.protocol.plan import Secret
from probes.protocol.taxonomy import Reason, Warn
from probes.protocol.urls import MAX_URL, Origin, UrlRefused, may_be_sent_to, origin_of, resolve_url, with_query

TOKEN_LIMIT_BYTES: Final = 64 * 1024
MAX_TOKEN: Final = 16 * 1024
_VISIBLE: Final = re.compile(rf"[!-~]{{1,{MAX_TOKEN}}}")
DEFAULT_LIFETIME_SECONDS: Final = 60
MAX_LIFETIME_SECONDS: Final = 3600
CLIENT_ID: Final = "kairos-probe"


class LoginRefused(ValueError):
    """The login cannot go on: the realm is not one to be trusted, or its reply holds no usable token."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Realm:
    """A token service that may be asked: its URL, its origin, and whether it may see the credential."""

    url: str
    origin: Origin
    service: str


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and for how long it may be used, from its receipt."""

    value: str
    lifetime_seconds: int
    warnings: tuple[Warn, ...] = ()

    def __repr__(self) -> str:
        return f"Token(lifetime_seconds={self.lifetime_seconds})"


def pull_scope(repository: str) -> str:
    """Return the one scope we ever ask for; never push, whatever the challenge says (rows C14, C15, T13)."""
    return f"repository:{repository}:pull"


def trusted_realm(
    challenge: Challenge, *, sent_by: str, registry: Origin, secret: Secret, trusted_hosts: tuple[str, ...]
) -> Realm:
    """Return the realm of a Bearer challenge if it may be asked. Raises `LoginRefused`.

    `sent_by` is the URL that sent the challenge; a relative realm is resolved against it (row C13).
    """
    realm = challenge.get("realm")
    if not realm:
        raise LoginRefused(Reason.AUTH_CHALLENGE_MALFORMED, "the Bearer challenge has no realm")
    if "#" in realm:
        raise LoginRefused(Reason.AUTH_REALM_FORBIDDEN, "the realm has a fragment")
    try:
        url = resolve_url(sent_by, realm)
        origin = origin_of(url)
    except UrlRefused as error:
        raise LoginRefused(Reason.AUTH_REALM_FORBIDDEN, f"realm: {error}") from None
    if origin.scheme != "https" and origin != registry:
        raise LoginRefused(Reason.AUTH_REALM_FORBIDDEN, f"the realm {origin} is not https")
    if not may_be_sent_to(origin, registry):
        raise LoginRefused(Reason.AUTH_REALM_FORBIDDEN, f"the realm's port {origin.port} is no web server's")
    trusted = {host.lower() for host in trusted_hosts}
    may_see_login = origin == registry or origin.is_among(trusted) or same_owner(origin.host, registry.host)
    if not (secret.is_anonymous or may_see_login):
        raise LoginRefused(Reason.AUTH_REALM_UNTRUSTED, f"logins would go to {origin.netloc}")
    return Realm(url, origin, challenge.get("service"))


def is_bearer(token: str) -> bool:
    """Tell whether `token` can stand in an Authorization header: visible ASCII, at most 16 KiB (S17)."""
    return _VISIBLE.fullmatch(token) is not None


def basic(secret: Secret) -> str:
    """Return the Authorization value for a user name and password."""
    pair = f"{secret.username}:{secret.password}".encode()
    return "Basic " + base64.b64encode(pair).decode()


def token_query(realm: Realm, scope: str) -> str:
    """Return the URL of a token request by GET (rows T8, T9, T12, C16). Raises `LoginRefused`."""
    service = [("service", realm.service)] if realm.service else []
    url = with_query(realm.url, [*service, ("scope", scope)])
    if len(url) > MAX_URL:
        raise LoginRefused(Reason.AUTH_CHALLENGE_MALFORMED, "the challenge's realm and service make no usable URL")
    return url


def refresh_form(realm: Realm, scope: str, secret: Secret) -> bytes:
    """Return the body of a token request by POST with an identity token (row T10)."""
    service = [("service", realm.service)] if realm.service else []
    fields = [
        ("grant_type", "refresh_token"),
        *service,
        ("scope", scope),
        ("client_id", CLIENT_ID),
        ("refresh_token", secret.identity_token),
    ]
    return urlencode(fields).encode()


def read_token(body: bytes) -> Token:
    """Return the token in a reply with status 200 (rows T15 to T21). Raises `LoginRefused`."""
    try:
        document = read_json(body)
    except ValueError:
        what = "an HTML page" if looks_like_html(body) else "no JSON"
        raise LoginRefused(Reason.AUTH_TOKEN_NOT_JSON, f"the token service sent {what}") from None
    if not isinstance(document, dict):
        raise LoginRefused(Reason.AUTH_TOKEN_NOT_JSON, "the token service sent no JSON object")
    value = document.get("access_token") or document.get("token")
    if not value:
        raise LoginRefused(Reason.AUTH_TOKEN_EMPTY, "the reply holds no token")
    if not isinstance(value, str) or not is_bearer(value):
        raise LoginRefused(Reason.AUTH_TOKEN_INVALID, "the token holds what no header may hold")
    lifetime, warnings = _lifetime(document.get("expires_in"))
    return Token(value, lifetime, warnings)


def _lifetime(stated: object) -> tuple[int, tuple[Warn, ...]]:
    if stated is None or stated == 0:
        return DEFAULT_LIFETIME_SECONDS, ()
    try:
        seconds = int(float(stated)) if isinstance(stated, int | float | str) else -1
    except (ValueError, OverflowError):
        seconds = -1
    is_odd = not isinstance(stated, int) or isinstance(stated, bool) or not 0 <= seconds <= MAX_LIFETIME_SECONDS * 24
    clamped = min(max(seconds, 0), MAX_LIFETIME_SECONDS)
    return clamped, (Warn.TOKEN_TTL_ODD,) if is_odd else ()
