"""Secrets on their way to a region: sealed so that only it can open them, bound to the place they are for.

The binding travels inside the seal. A plan that pairs a secret with another registry's images gets nothing: the
region asks `BoundSecret.allows` before it hands a secret to the wire. How that registry is reached is the signed
plan's to say, so the right to change that is guarded in the control plane (ADR 5).
"""

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass, replace
from typing import Any, Final

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from probes.protocol.plan import Secret
from probes.trust import strict_json

# Fingerprints name a secret in one process's caches and logs. Under a key that dies with the process they
# tell nobody anything about a weak password.
_FINGERPRINT_KEY: Final = os.urandom(32)


class SealError(ValueError):
    """A sealed secret that this region cannot open or that holds no secret."""


@dataclass(frozen=True, slots=True)
class BoundSecret:
    """A secret, with the registry host and the repositories it may be used for; an empty prefix means all."""

    secret: Secret
    host: str
    repository_prefix: str = ""

    def allows(self, host: str, repository: str) -> bool:
        """Tell whether the secret may be used for this repository: its prefix matches by whole components."""
        prefix = self.repository_prefix.strip("/")
        in_scope = not prefix or repository == prefix or repository.startswith(prefix + "/")
        return in_scope and host.lower() == self.host.lower()


def seal(bound: BoundSecret, region: PublicKey) -> str:
    """Return `bound` as base64 text that only the holder of the region's private key can open."""
    document = {
        "secret": bound.secret.to_json(),
        "host": bound.host,
        "repository_prefix": bound.repository_prefix,
    }
    return base64.b64encode(SealedBox(region).encrypt(strict_json.dumps(document).encode())).decode()


def open_sealed(text: str, key: PrivateKey) -> BoundSecret:
    """Return what `seal` was given, with a fingerprint. Raises `SealError`, which tells nothing secret."""
    try:
        document: Any = strict_json.loads(SealedBox(key).decrypt(base64.b64decode(text, validate=True)).decode())
    except (binascii.Error, ValueError, CryptoError):
        raise SealError("a sealed secret that does not open with this region's key") from None
    if not isinstance(document, dict):
        raise SealError("a sealed secret that is none")
    host, prefix = document.get("host"), document.get("repository_prefix")
    if not (isinstance(host, str) and host and isinstance(prefix, str)):
        raise SealError("a sealed secret that is bound to no place")
    try:
        secret = Secret.from_json(document.get("secret"))
    except ValueError as error:
        raise SealError(str(error)) from None
    return BoundSecret(replace(secret, fingerprint=fingerprint(secret)), host, prefix)


def fingerprint(secret: Secret) -> str:
    """Return 16 hex digits that tell secrets apart within this process and mean nothing outside it."""
    return hashlib.blake2b(secret.material, key=_FINGERPRINT_KEY, digest_size=8).hexdigest()
