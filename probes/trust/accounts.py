"""What a region logs in to the broker with: a name, and hashes of a password that nobody keeps.

The control plane stores hashes alone, in the form of either broker, so that an account can be made again on a broker
that lost it, or on one of the other kind, without its password. Passwords are 256 random bits: a fast hash of one
tells nothing. ADR 20.
"""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import Final, Self

PREFIX: Final = "region-"
"""Begins the name of every account that is ours: whatever else has it, and should not be, is removed."""

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


def username(region: str, generation: int) -> str:
    """Return the name of a region's account of that generation, 1 being the first: `region-eu-west.2` is the second.

    Each has a name of its own, so that any number are valid while passwords are changed. No slug has a dot in it: no
    region's later name is another's first.
    """
    return f"{PREFIX}{region}" if generation == 1 else f"{PREFIX}{region}.{generation}"


def generation_of(region: str, name: str) -> int:
    """Return which generation's account of the region has this name; 0 for a name that none has."""
    found = re.fullmatch(rf"{re.escape(PREFIX + region)}(?:\.([1-9][0-9]{{0,8}}))?", name)
    generation = int(found[1] or 1) if found else 0
    return generation if generation and username(region, generation) == name else 0


def new_password() -> str:
    """Return a password that a URL can hold as it is."""
    return secrets.token_urlsafe(32)
