"""Access tokens: signed by the token server, verified by the registry, refused when anything is off.

The tokens are JWTs over Ed25519 with the claims of Docker Registry's token authentication ("Token
Authentication Specification"): issuer, audience, times, and an access list. The key lives as long as the
process; a token of an earlier run is answered with `invalid_token`, as after any real key rotation.
"""

import base64
import binascii
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LIFETIME_SECONDS: Final = 300
_HEADER: Final = {"typ": "JWT", "alg": "EdDSA"}


class InvalidToken(Exception):
    """A token that this registry did not issue, or that does not hold now (RFC 6750, `invalid_token`)."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token grants: the names of the repositories that its holder may pull."""

    subject: str
    audience: str
    not_before: int
    expires: int
    pull: frozenset[str]


class Signer:
    """Issues and verifies the tokens of one issuer."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._key = Ed25519PrivateKey.generate()
        # The signature of a token never changes, so it is checked once; its times are looked at every time.
        self._read = lru_cache(maxsize=4096)(self._open)

    def issue(self, *, subject: str, audience: str, pull: Iterable[str], now: datetime) -> str:
        """Return a token that lets `subject` pull from the named repositories of the service `audience`."""
        issued = int(now.timestamp())
        claims = {
            "iss": self._issuer,
            "sub": subject,
            "aud": audience,
            "iat": issued,
            "nbf": issued,
            "exp": issued + LIFETIME_SECONDS,
            "jti": secrets.token_hex(8),
            "access": [{"type": "repository", "name": name, "actions": ["pull"]} for name in pull],
        }
        signed = f"{_pack(_HEADER)}.{_pack(claims)}"
        return f"{signed}.{_encode(self._key.sign(signed.encode()))}"

    def verify(self, token: str, *, audience: str, now: datetime) -> Claims:
        """Return what `token` grants at the service `audience`. Raises `InvalidToken`."""
        claims = self._read(token)
        if claims.audience != audience:
            raise InvalidToken("issued for another service")
        if not claims.not_before <= now.timestamp() < claims.expires:
            raise InvalidToken("expired or not yet valid")
        return claims

    def _open(self, token: str) -> Claims:
        signed, _, signature = token.rpartition(".")
        header, _, payload = signed.partition(".")
        try:
            if _unpack(header) != _HEADER:
                raise InvalidToken("signed in a way that is not ours")
            self._key.public_key().verify(_decode(signature), signed.encode())
            claims = _unpack(payload)
        except (InvalidSignature, ValueError) as error:
            raise InvalidToken(f"not one of our tokens: {type(error).__name__}") from None
        return Claims(
            subject=claims["sub"],
            audience=claims["aud"],
            not_before=claims["nbf"],
            expires=claims["exp"],
            pull=frozenset(entry["name"] for entry in claims["access"] if "pull" in entry["actions"]),
        )


def _pack(document: Mapping[str, Any]) -> str:
    return _encode(json.dumps(document, separators=(",", ":")).encode())


def _unpack(text: str) -> Any:
    return json.loads(_decode(text))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("not base64url") from None
