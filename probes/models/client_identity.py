"""A client certificate with its private key, as an operator pastes them: read, checked, and described.

TLS itself has the last word, where the check runs (`probes.wire.identity`). What is refused here is refused while
the person who can mend it is looking.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

LONGEST_CHAIN: Final = 16_384  # every secret of a batch carries it; chains of four have about 8,000
_SHORTEST_RSA_BITS: Final = 2048  # OpenSSL's own bound, at its default level of security
_KEY_MARK: Final = "PRIVATE KEY-----"


class IdentityRefused(ValueError):
    """What is wrong with the certificate or with its key. The message shows nothing of either."""

    def __init__(self, part: Literal["certificate", "key"], message: str) -> None:
        super().__init__(f"{part}: {message}")
        self.part = part
        self.message = message


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """What a registry is shown: both PEM, written anew, so that nothing else which was pasted is kept."""

    certificate: str  # followed by its chain
    key: str = field(repr=False)  # PKCS #8, in clear


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What may be shown of a client certificate."""

    subject: str  # RFC 4514: CN=robot,O=Example
    issuer: str
    not_before: datetime
    not_after: datetime
    fingerprint: str  # SHA-256 of the certificate, in hexadecimal digits

    @classmethod
    def of(cls, pem: str) -> Self:
        """Describe the first certificate of `pem`, which `read_identity` has accepted."""
        leaf = x509.load_pem_x509_certificates(pem.encode())[0]
        return cls(
            subject=leaf.subject.rfc4514_string(),
            issuer=leaf.issuer.rfc4514_string(),
            not_before=leaf.not_valid_before_utc,
            not_after=leaf.not_valid_after_utc,
            fingerprint=leaf.fingerprint(SHA256()).hex(),
        )


def read_identity(certificate: str, key: str, *, now: datetime) -> ClientIdentity:
    """Return the identity that was pasted; an empty `key` is looked for beside the certificate.

    Raises `IdentityRefused` unless the first certificate is the key's own and has not expired. One that is not
    valid yet is taken: whoever renews does so beforehand.
    """
    chain = _chain(certificate)
    private = _key(key or certificate)
    try:
        is_own = chain[0].public_key() == private.public_key()
    except (UnsupportedAlgorithm, ValueError):
        raise IdentityRefused("certificate", "Its public key is of a kind that is not known here.") from None
    if not is_own:
        raise IdentityRefused("key", "This key is another certificate's. The chain begins with the client's own.")
    expired_at = chain[0].not_valid_after_utc
    if expired_at <= now:
        raise IdentityRefused("certificate", f"It expired on {expired_at:%Y-%m-%d at %H:%M} UTC.")
    return ClientIdentity(
        certificate="".join(item.public_bytes(Encoding.PEM).decode() for item in chain),
        key=private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    )


def _chain(text: str) -> list[x509.Certificate]:
    if not text.strip():
        raise IdentityRefused("certificate", "Give the certificate that belongs to the key.")
    try:
        chain = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise IdentityRefused("certificate", "Not certificates in PEM.") from None
    if sum(len(item.public_bytes(Encoding.PEM)) for item in chain) > LONGEST_CHAIN:
        raise IdentityRefused("certificate", f"More than {LONGEST_CHAIN // 1024} KiB; leave out what is not needed.")
    return chain


def _key(text: str) -> PrivateKeyTypes:
    if _KEY_MARK not in text:
        raise IdentityRefused("key", "Give the certificate's private key: PEM, between BEGIN and END PRIVATE KEY.")
    try:
        private = load_pem_private_key(text.encode(), password=None)
    except TypeError:
        raise IdentityRefused("key", "This key is encrypted. Give it in clear: openssl pkey -in key.pem.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise IdentityRefused("key", "Not a private key in PEM, or of a kind that is not known here.") from None
    if isinstance(private, RSAPrivateKey) and private.key_size < _SHORTEST_RSA_BITS:
        raise IdentityRefused("key", f"TLS takes no RSA key of fewer than {_SHORTEST_RSA_BITS} bits.")
    return private
