"""The keys of the control plane and of a region, and the files they live in.

A key file is a small JSON document readable by its owner alone (0600). Private material is never in a `repr`.

A region's keys change with an overlap (ADR 21). Its worker signs with one key, and opens what was sealed to that one
or to any that the file names as previous: so batches that were sealed before the change are no loss.
"""

import base64
import binascii
import json
import os
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from nacl.public import PrivateKey, PublicKey
from nacl.signing import SigningKey, VerifyKey

KEY_FILE_VERSION: Final = 1
_KEY_BYTES: Final = 32
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class KeyFileError(Exception):
    """A key file that cannot be used; the message is one line, names the file and says what to do."""


@dataclass(frozen=True, slots=True)
class ControlKeys:
    """What the control plane signs batches with."""

    signing_key: SigningKey = field(repr=False)

    @property
    def verify_key(self) -> VerifyKey:
        return self.signing_key.verify_key

    @classmethod
    def generate(cls) -> Self:
        return cls(SigningKey.generate())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the key file at `path`. Raises `KeyFileError`."""
        document = _read(path)
        return cls(SigningKey(_key_bytes(document, "signing_seed", path)))

    def save(self, path: Path) -> None:
        """Write the key file at `path`, replacing any before it in one step."""
        write_private(path, _text_of({"v": KEY_FILE_VERSION, "signing_seed": key_text(self.signing_key)}))


@dataclass(frozen=True, slots=True)
class RegionPublic:
    """What the control plane knows of a region: whose signature to accept and whom to seal secrets to."""

    verify_key: VerifyKey
    box_key: PublicKey

    @property
    def verify_key_text(self) -> str:
        return key_text(self.verify_key)

    @property
    def box_key_text(self) -> str:
        return key_text(self.box_key)

    @classmethod
    def from_text(cls, verify_key: str, box_key: str) -> Self:
        """Return the keys that the base64 texts stand for. Raises `ValueError`."""
        return cls(VerifyKey(decode_key(verify_key)), PublicKey(decode_key(box_key)))


@dataclass(frozen=True, slots=True)
class RegionKeys:
    """What a region's worker needs: its own private keys, and whose batches to believe."""

    region: str
    control_verify_key: VerifyKey
    signing_key: SigningKey = field(repr=False)
    box_key: PrivateKey = field(repr=False)
    previous_box_keys: tuple[PrivateKey, ...] = field(default=(), repr=False)

    @property
    def public(self) -> RegionPublic:
        return RegionPublic(self.signing_key.verify_key, self.box_key.public_key)

    @property
    def box_keys(self) -> tuple[PrivateKey, ...]:
        """All keys that a secret for this worker may be sealed to, its own first."""
        return (self.box_key, *self.previous_box_keys)

    @classmethod
    def generate(
        cls, region: str, control_verify_key: VerifyKey, previous_box_keys: tuple[PrivateKey, ...] = ()
    ) -> Self:
        return cls(region, control_verify_key, SigningKey.generate(), PrivateKey.generate(), previous_box_keys)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the key file at `path`. Raises `KeyFileError`."""
        document = _read(path)
        region = document.get("region")
        if not isinstance(region, str) or not region:
            raise KeyFileError(f"{path}: not a region's key file (it names no region)")
        previous = document.get("previous_box_private_keys", [])
        if not isinstance(previous, list):
            raise KeyFileError(f"{path}: previous_box_private_keys: not a list")
        return cls(
            region,
            VerifyKey(_key_bytes(document, "control_verify_key", path)),
            SigningKey(_key_bytes(document, "signing_seed", path)),
            PrivateKey(_key_bytes(document, "box_private_key", path)),
            tuple(PrivateKey(_decoded(text, "previous_box_private_keys", path)) for text in previous),
        )

    def to_text(self) -> str:
        """Return what a key file holds. It is private: it goes into a 0600 file and nowhere else."""
        document: dict[str, Any] = {
            "v": KEY_FILE_VERSION,
            "region": self.region,
            "control_verify_key": key_text(self.control_verify_key),
            "signing_seed": key_text(self.signing_key),
            "box_private_key": key_text(self.box_key),
        }
        if self.previous_box_keys:
            document["previous_box_private_keys"] = [key_text(key) for key in self.previous_box_keys]
        return _text_of(document)

    def save(self, path: Path) -> None:
        """Write the key file at `path`, replacing any before it in one step."""
        write_private(path, self.to_text())


def key_text(key: SigningKey | VerifyKey | PrivateKey | PublicKey) -> str:
    """Return a key as base64: 44 characters."""
    return base64.b64encode(bytes(key)).decode()


def decode_key(text: str) -> bytes:
    """Return the 32 bytes of a key in base64. Raises `ValueError`, without repeating the text."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a key that is not base64") from None
    if len(key) != _KEY_BYTES:
        raise ValueError(f"a key of {len(key)} bytes where {_KEY_BYTES} are due")
    return key


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & _OTHERS:
                raise KeyFileError(f"{path}: others may read this key file; run: chmod 600 {path}")
            document = json.load(file)
    except OSError as error:
        raise KeyFileError(f"{path}: cannot read the key file: {error.strerror}") from error
    except ValueError:
        # The parser's message and its chain would repeat what the file holds.
        raise KeyFileError(f"{path}: not a key file (not JSON)") from None
    if not isinstance(document, dict) or document.get("v") != KEY_FILE_VERSION:
        raise KeyFileError(f"{path}: not a key file of version {KEY_FILE_VERSION}")
    return document


def _key_bytes(document: dict[str, Any], name: str, path: Path) -> bytes:
    text = document.get(name)
    if not isinstance(text, str):
        raise KeyFileError(f"{path}: the key file has no {name}")
    return _decoded(text, name, path)


def _decoded(text: object, name: str, path: Path) -> bytes:
    try:
        return decode_key(text if isinstance(text, str) else "")
    except ValueError as error:
        raise KeyFileError(f"{path}: {name}: {error}") from None


def _text_of(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone can read (0600), in one step: a reader finds the old one or the new."""
    # mkstemp makes the file 0600 from the first byte on; in the same directory, so the replacement is atomic.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
