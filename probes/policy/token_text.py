"""How a token is written, and what of it is kept: `kairos_` prefix `_` secret.

The prefix names the row and may be shown. The secret is 256 random bits, so its SHA-256 is as good as any slow hash:
nobody guesses it, and each request reckons it. Tokens from before there were prefixes are 40 hexadecimal digits, of
which the first twelve have become the prefix.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Final

PREFIX_CHARACTERS: Final = 10
SECRET_BYTES: Final = 32
OLD_PREFIX_CHARACTERS: Final = 12
_WRITTEN: Final = re.compile(rf"kairos_([a-z0-9]{{{PREFIX_CHARACTERS}}})_([A-Za-z0-9_-]{{43}})", re.ASCII)
_OLD: Final = re.compile(r"[0-9a-f]{40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shown:
    """A token as somebody shows it."""

    prefix: str
    text: str = field(repr=False)

    def is_of(self, secret_hash: bytes) -> bool:
        """Tell whether the hash is that of this token, in a time that does not depend on where they differ."""
        return hmac.compare_digest(hashed(self.text), secret_hash)


def written(prefix: str, secret: str) -> str:
    return f"kairos_{prefix}_{secret}"


def read(text: str) -> Shown | None:
    """Return what a token names; None for what cannot be one."""
    if found := _WRITTEN.fullmatch(text):
        return Shown(found[1], text)
    return Shown(text[:OLD_PREFIX_CHARACTERS], text) if _OLD.fullmatch(text) else None


def hashed(text: str) -> bytes:
    """Return what is kept of a token: 32 bytes."""
    return hashlib.sha256(text.encode()).digest()
