"""What a region logs in to the broker with: a name, and hashes of a password that nobody keeps.

The control plane stores hashes alone, in the form of either broker, so that an account can be made again on a broker
that lost it, or on one of the other kind, without its password. Passwords are 256 random bits: a fast hash of one
tells nothing. ADR 20.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final, Self

PREFIX: Final = "region-"
"""Begins the name of every account that is ours: whatever else has it, and should not be, is removed."""

_SECOND: Final = ".2"  # no slug has a dot in it, so no region's second name is another's first
_SALT_BYTES: Final = 4  # RabbitMQ's format


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One user of the broker, with one password, and with the rights of one region."""

    region: str  # the slug
    username: str
    sha256: str = field(repr=False)  # of the password, in hexadecimal: Redis's form
    salted_sha256: str = field(repr=False)  # salt and digest, in base64: RabbitMQ's form

    @classmethod
    def make(cls, region: str, username: str, password: str) -> Self:
        salt = secrets.token_bytes(_SALT_BYTES)
        return cls(
            region=region,
            username=username,
            sha256=hashlib.sha256(password.encode()).hexdigest(),
            salted_sha256=base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode(),
        )

    def has_password(self, password: str) -> bool:
        return secrets.compare_digest(self.sha256, hashlib.sha256(password.encode()).hexdigest())


def usernames(region: str) -> tuple[str, str]:
    """Return the two names that a region's accounts have in turn, so that two are valid during a rotation."""
    return f"{PREFIX}{region}", f"{PREFIX}{region}{_SECOND}"


def new_password() -> str:
    """Return a password that a URL can hold as it is."""
    return secrets.token_urlsafe(32)
