"""Digests as registries write them: an algorithm, a colon, lowercase hex of exact length.

Source: OCI image-spec, descriptor digests; behaviour rows R12 and R17. A digest is checked here before it
enters any URL, whoever it came from.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final, Self

HEX_LENGTHS: Final = {"sha256": 64, "sha512": 128}
_ALGORITHM: Final = re.compile(r"[A-Za-z0-9]+(?:[+._-][A-Za-z0-9]+)*")
_HEX: Final = frozenset("0123456789abcdef")


class DigestInvalid(ValueError):
    """The text is no digest that Kairos can use. `unsupported` tells an unknown algorithm from bad grammar."""

    def __init__(self, message: str, *, unsupported: bool = False) -> None:
        super().__init__(message)
        self.unsupported = unsupported


@dataclass(frozen=True, slots=True)
class Digest:
    """A content address. `str()` gives it as registries write it."""

    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the digest that `text` is. Raises `DigestInvalid`."""
        algorithm, colon, hexadecimal = text.partition(":")
        if not colon or not _ALGORITHM.fullmatch(algorithm):
            raise DigestInvalid("a digest is written ALGORITHM:HEX")
        length = HEX_LENGTHS.get(algorithm)
        if length is None:
            raise DigestInvalid(f"digest algorithm {algorithm[:32]!r} is not supported", unsupported=True)
        if len(hexadecimal) != length:
            raise DigestInvalid(f"a {algorithm} digest has {length} hex digits, not {len(hexadecimal)}")
        if not _HEX.issuperset(hexadecimal):
            raise DigestInvalid("a digest is written in lowercase hex")
        return cls(algorithm, hexadecimal)

    @classmethod
    def of(cls, content: bytes, algorithm: str = "sha256") -> Self:
        """Return the digest of `content`. `algorithm` is one of `HEX_LENGTHS`."""
        return cls(algorithm, hashlib.new(algorithm, content, usedforsecurity=False).hexdigest())

    def matches(self, content: bytes) -> bool:
        return self.of(content, self.algorithm).hex == self.hex

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"
