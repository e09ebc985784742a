"""Digests: an algorithm, a colon, lowercase hex of exact length."""

import hashlib

import pytest

from probes.protocol.digest import Digest, DigestInvalid


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_digest_reads_as_it_is_written(algorithm: str) -> None:
    """R12."""
    text = f"{algorithm}:{hashlib.new(algorithm, b'content').hexdigest()}"
    digest = Digest.parse(text)
    assert str(digest) == text
    assert digest == Digest.of(b"content", algorithm)
    assert digest.matches(b"content")
    assert not digest.matches(b"Content")


@pytest.mark.parametrize(
    ("text", "message", "unsupported"),
    [
        ("", "ALGORITHM:HEX", False),
        ("a" * 64, "ALGORITHM:HEX", False),
        (f":{'a' * 64}", "ALGORITHM:HEX", False),
        (f"../sha256:{'a' * 64}", "ALGORITHM:HEX", False),
        (f"sha384:{'a' * 96}", "'sha384' is not supported", True),
        (f"SHA256:{'a' * 64}", "'SHA256' is not supported", True),
        ("sha256:abc", "has 64 hex digits, not 3", False),
        (f"sha256:{'a' * 65}", "has 64 hex digits, not 65", False),
        (f"sha256:{'A' * 64}", "lowercase hex", False),
        (f"sha256:{'a' * 62}/.", "lowercase hex", False),
    ],
)
def test_anything_else_is_refused(text: str, message: str, unsupported: bool) -> None:  # noqa: FBT001 - a table's column
    """R12, R17, S11."""
    with pytest.raises(DigestInvalid, match=message) as caught:
        Digest.parse(text)
    assert caught.value.unsupported is unsupported
