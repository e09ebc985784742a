"""The token exchange: what is asked of a realm, and what its reply is worth.

Source: distribution token specification (token.md, oauth.md); behaviour rows C13 to C16, T1 to T22, T33. Whom a
credential may be shown to is decided here and nowhere else.
"""

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from probes.protocol.challenge import Challenge
from probes.protocol.domains import same_owner
from probes.protocol.json_members import read_json
from probes.protocol.manifest import looks_like_html
from probes.protocol.plan import Secret
from probes.protocol.redaction import echoes
from probes.protocol.shape import MISFITS, number
from probes.protocol.taxonomy import Reason, Warn
from probes.protocol.urls import MAX_URL, Origin, UrlRefused, may_be_sent_to, origin_of, resolve_url, with_query

MAX_TOKEN: Final = 16 * 1024
_VISIBLE: Final = re.compile(rf"[!-~]{{1,{MAX_TOKEN}}}")
DEFAULT_LIFETIME_SECONDS: Final = 60
MAX_LIFETIME_SECONDS: Final = 3600
CLIENT_ID: Final = "kairos-probe"
_MAX_SCOPE: Final = 512


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


def narrowed_scope(scope: str) -> str:
    """Return the first scope of a challenge with `pull` as its only action, or nothing (rows C14, C15, T13)."""
    first = scope.split(" ", maxsplit=1)[0]
    if len(first) > _MAX_SCOPE or not all("!" <= letter <= "~" for letter in first):
        return ""
    if first.startswith("repository:") and first.count(":") >= 2:
        return first.rpartition(":")[0] + ":pull"
    return first if first == "*" else ""


def preferred(challenges: tuple[Challenge, ...], secret: Secret) -> Challenge:
    """Return the login to choose of those that are offered. Raises `LoginRefused` where none can be used.

    Bearer before Basic; Basic in its place only where Bearer is unusable and a password is there (row C8).
    """
    bearer = next((item for item in challenges if item.scheme == "bearer"), None)
    plain = next((item for item in challenges if item.scheme == "basic"), None)
    if bearer and (bearer.get("realm") or not (plain and secret.password)):
        return bearer
    if plain:
        return plain
    offered = ", ".join(dict.fromkeys(item.scheme[:20] for item in challenges))
    raise LoginRefused(Reason.AUTH_SCHEME_UNSUPPORTED, f"offered: {offered}")


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
    if not (secret.is_anonymous or _may_see_login(origin, registry, trusted_hosts)):
        raise LoginRefused(Reason.AUTH_REALM_UNTRUSTED, f"logins would go to {origin.netloc}")
    return Realm(url, origin, challenge.get("service"))


def _may_see_login(origin: Origin, registry: Origin, trusted_hosts: tuple[str, ...]) -> bool:
    if origin == registry or origin.is_among({host.lower() for host in trusted_hosts}):
        return True
    return same_owner(origin.host, registry.host)


def is_bearer(token: str) -> bool:
    """Tell whether `token` can stand in an Authorization header: visible ASCII, at most 16 KiB (S17)."""
    return _VISIBLE.fullmatch(token) is not None


def basic(secret: Secret) -> str:
    """Return the Authorization value for a user name and password."""
    pair = f"{secret.username}:{secret.password}".encode()
    return "Basic " + base64.b64encode(pair).decode()


def never_shown(secret: Secret) -> tuple[str, ...]:
    """Return what of `secret` may come back in a reply, in the forms in which it may, and is never to be shown."""
    pair = basic(secret).partition(" ")[2] if secret.password else ""
    shown_once = (secret.password, secret.identity_token, secret.bearer, pair)
    return tuple(echo for text in shown_once if text for echo in echoes(text))


def token_query(realm: Realm, scope: str) -> str:
    """Return the URL of a token request by GET (rows T8, T9, T12, C16). Raises `LoginRefused`."""
    service = [("service", realm.service)] if realm.service else []
    url = with_query(realm.url, [*service, ("scope", scope)])
    if len(url) > MAX_URL:
        raise LoginRefused(Reason.AUTH_CHALLENGE_MALFORMED, "the challenge's realm and service make no usable URL")
    return url


def refresh_form(realm: Realm, scope: str, secret: Secret) -> bytes:
    """Return the body of a token request by POST with a refresh token (row T10)."""
    service = [("service", realm.service)] if realm.service else []
    fields = [
        ("grant_type", "refresh_token"),
        *service,
        ("scope", scope),
        ("client_id", CLIENT_ID),
        ("refresh_token", secret.refresh_token),
    ]
    return urlencode(fields).encode()


def read_token(body: bytes, received_at: datetime) -> Token:
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
    lifetime, is_odd = _lifetime(document.get("expires_in"))
    if (issued := document.get("issued_at")) is not None:
        age = _age_seconds(issued, received_at)
        lifetime, is_odd = max(0, lifetime - (age or 0)), is_odd or age is None
    return Token(value, lifetime, (Warn.TOKEN_TTL_ODD,) if is_odd else ())


def _lifetime(stated: object) -> tuple[int, bool]:
    """Return the seconds that `expires_in` gives, and whether it was odd (rows T16 to T18)."""
    if stated is None or stated == 0:
        return DEFAULT_LIFETIME_SECONDS, False
    try:
        seconds = int(float(stated)) if isinstance(stated, int | float | str) else -1
    except (ValueError, OverflowError):
        seconds = -1
    is_odd = not isinstance(stated, int) or isinstance(stated, bool) or not 0 <= seconds <= MAX_LIFETIME_SECONDS * 24
    return min(max(seconds, 0), MAX_LIFETIME_SECONDS), is_odd


def _age_seconds(issued_at: object, received_at: datetime) -> int | None:
    """Return how old a token was when it came, or None where `issued_at` is no time.

    It only ever shortens a lifetime: by a clock that is ahead of ours, the token is new (row T19).
    """
    try:
        issued = datetime.fromisoformat(issued_at) if isinstance(issued_at, str) else None
        age = (received_at - issued.replace(tzinfo=issued.tzinfo or UTC)).total_seconds() if issued else None
    except (ValueError, OverflowError):
        return None
    return None if age is None else max(0, int(age))


def grants_nothing(token: str) -> bool:
    """Tell whether a token says itself that it grants no access: for a hint, never for a decision (row T33).

    A token is opaque; one that is a JWT lists its `access`, and some registries give one with an empty list
    instead of a refusal. Never raises.
    """
    access = _claims(token).get("access", False)
    if access is None:
        return True
    return isinstance(access, list) and not any(isinstance(item, dict) and item.get("actions") for item in access)


def expiry_of(token: str) -> datetime | None:
    """Return when a token says that it ends, where it is a JWT that says so (RFC 7519, 4.1.4). Never raises."""
    try:
        return datetime.fromtimestamp(number(_claims(token).get("exp")), UTC)
    except (*MISFITS, OSError):
        return None


def _claims(token: str) -> dict[str, Any]:
    """Return what a token claims, where it is a JWT; nobody verifies it."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = read_json(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}
