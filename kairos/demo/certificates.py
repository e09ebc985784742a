"""The demonstration's own certificate authority, and the server certificates it signs at each start.

The authority may vouch for `kairos.test` and loopback addresses and nothing else (name constraints), so that
trusting it on a laptop opens no door. Its key is made once and kept in a file of mode 0600; server keys live
only in memory of the process, apart from the moment that OpenSSL reads them from a private temporary file.
"""

import ipaddress
import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kairos.demo.sites import DOMAIN, Site
from kairos.demo.state import made_once

LOOPBACK: Final = "127.0.0.0/8"
_FILE: Final = "authority.pem"
PUBLIC_FILE: Final = "ca.pem"
_CA_LIFETIME: Final = timedelta(days=3650)
# Old enough that a certificate which expired last week was once valid under it.
_CA_AGE: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when a certificate holds."""

    not_before: datetime
    not_after: datetime

    @classmethod
    def current(cls, now: datetime) -> "Validity":
        return cls(now - timedelta(days=1), now + timedelta(days=397))

    @classmethod
    def expired(cls, now: datetime) -> "Validity":
        return cls(now - timedelta(days=93), now - timedelta(days=3))


@dataclass(frozen=True, slots=True)
class Authority:
    """The certificate authority with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def pem(self) -> str:
        """The public certificate: what a client adds to its trusted roots."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def server_context(self, site: Site, validity: Validity) -> ssl.SSLContext:
        """Return a TLS context that serves `site` with a new key and certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._server_certificate(site, validity, key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(_key_pem(key) + certificate.public_bytes(serialization.Encoding.PEM))
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def _server_certificate(
        self, site: Site, validity: Validity, key: ec.EllipticCurvePrivateKey
    ) -> x509.Certificate:
        names = [x509.DNSName(site.host), x509.IPAddress(ipaddress.ip_address(site.address))]
        return (
            x509.CertificateBuilder()
            .subject_name(_name(site.host))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(validity.not_before)
            .not_valid_after(validity.not_after)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )


def authority(state_dir: Path) -> Authority:
    """Return the authority kept in `state_dir`; it is made on the first call.

    Its public certificate is put into `ca.pem` beside it, for whoever wants to trust it with another tool.
    Raises `OSError`, and `ValueError` when the kept file is not an authority.
    """
    path = state_dir / _FILE
    pem = made_once(path, _new_authority)
    try:
        key = serialization.load_pem_private_key(pem, password=None)
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise ValueError(f"{path} holds no certificate authority; delete it to have a new one") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path} holds another kind of key; delete it to have a new authority")  # noqa: TRY004
    kept = Authority(certificate, key)
    public = state_dir / PUBLIC_FILE
    if not public.exists() or public.read_text() != kept.pem:
        public.write_text(kept.pem)
    return kept


def _new_authority() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Kairos demonstration CA")
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CA_AGE)
        .not_valid_after(now + _CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(
            x509.NameConstraints(
                permitted_subtrees=[
                    x509.DNSName(DOMAIN),
                    x509.IPAddress(ipaddress.ip_network(LOOPBACK)),
                ],
                excluded_subtrees=None,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _key_pem(key) + certificate.public_bytes(serialization.Encoding.PEM)


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Kairos demonstration"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
