"""What an ID token has to be before a word of it is believed: OpenID Connect Core 1.0, section 3.1.3.7."""

import hmac
from collections.abc import Sequence
from typing import Any, Final

import jwt

ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
"""A provider's own keys alone. Of `HS256` the key would be our secret, or its public key; of `none` there is none."""

LEEWAY_SECONDS: Final = 60
"""Clocks differ."""

_LONGEST: Final = 64 * 1024


class TokenRefused(ValueError):
    """An ID token that proves nothing; the message is one line and repeats nothing of it."""


def verified(
    token: object, keys: Sequence[dict[str, Any]], *, issuer: str, client_id: str, nonce: str
) -> dict[str, Any]:
    """Return the claims of an ID token that this issuer signed for us, for this very login. Raises `TokenRefused`."""
    if not isinstance(token, str) or len(token) > _LONGEST:
        raise TokenRefused("there is no ID token")
    try:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise TokenRefused("it is not signed by a key of the provider's own")
        claims: dict[str, Any] = jwt.decode(
            token,
            _key(keys, header.get("kid"), algorithm),
            algorithms=[algorithm],
            audience=client_id,
            issuer=issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except jwt.PyJWTError as error:
        # The library's own words repeat claims.
        raise TokenRefused(f"it does not hold: {type(error).__name__}") from None
    audience = claims["aud"]
    if claims.get("azp", client_id) != client_id or (
        isinstance(audience, list) and len(audience) > 1 and "azp" not in claims
    ):
        raise TokenRefused("it was made for somebody else")
    said = claims.get("nonce")
    if not nonce or not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise TokenRefused("it is of another login")
    return claims


def _key(keys: Sequence[dict[str, Any]], kid: object, algorithm: str) -> jwt.PyJWK:
    """Return the one key that can have signed this: that of the id, or the only one where the token names none."""
    fitting = [
        key
        for key in keys
        if (kid is None or key.get("kid") == kid)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and key.get("kty") in ("RSA", "EC", "OKP")
    ]
    if kid is None and len(fitting) > 1:
        raise TokenRefused("it does not say which key signed it")
    if not fitting:
        raise TokenRefused("no key of the provider's signed it")
    return jwt.PyJWK(fitting[0], algorithm=algorithm)
