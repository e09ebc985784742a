"""A certificate authority for a test, and the certificates it signs, as the PEM files that servers read."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa


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

    def issue_to_client(self, name: str) -> ServerFiles:
        """Return a client's certificate. Erlang takes none whose purposes are critical, as those of `issue` are."""
        files = ServerFiles(self.directory / f"{name}.pem", self.directory / f"{name}.key")
        authority = x509.load_pem_x509_certificate(self._authority.cert_pem.bytes())
        signing_key = serialization.load_pem_private_key(self._authority.private_key_pem.bytes(), password=None)
        assert isinstance(signing_key, rsa.RSAPrivateKey)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        purpose = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder(authority.subject, x509.Name([]), key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(purpose, critical=False)
            .sign(signing_key, hashes.SHA256())
        )
        files.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files
