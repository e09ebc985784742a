"""A certificate authority for a test, and the certificates it signs, as the PEM files that servers read."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """A server's certificate and its key: RSA, as tokens are signed with it too."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The authority; `ca_file` is what its clients trust."""

    directory: Path
    _authority: trustme.CA = field(default_factory=lambda: trustme.CA(key_type=trustme.KeyType.RSA))

    @property
    def ca_file(self) -> Path:
        path = self.directory / "ca.pem"
        if not path.exists():
            self._authority.cert_pem.write_to_path(path)
        return path

    def issue(self, name: str, address: str = "127.0.0.1", not_after: datetime | None = None) -> ServerFiles:
        """Return a certificate for the address, kept under `name`; `not_after` may be in the past."""
        issued = self._authority.issue_cert(address, key_type=trustme.KeyType.RSA, not_after=not_after)
        files = ServerFiles(self.directory / f"{name}.pem", self.directory / f"{name}.key")
        issued.private_key_pem.write_to_path(files.key)
        files.certificate.write_bytes(b"".join(item.bytes() for item in issued.cert_chain_pems))
        return files
