"""Client certificates and their keys as operators have them in files, good ones and others."""

from datetime import UTC, datetime, timedelta

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

AUTHORITY = trustme.CA()


class Pasted:
    """A certificate of `common_name`, with its chain, and its key: PEM."""

    def __init__(
        self, common_name: str = "robot", *, not_before: datetime | None = None, not_after: datetime | None = None
    ) -> None:
        made = AUTHORITY.create_child_ca().issue_cert(
            "robot@example.org", common_name=common_name, not_before=not_before, not_after=not_after
        )
        self.certificate = b"".join(item.bytes() for item in made.cert_chain_pems).decode()
        self.openssl_key = made.private_key_pem.bytes().decode()  # BEGIN EC PRIVATE KEY

    @classmethod
    def expired(cls) -> "Pasted":
        return cls(not_after=datetime.now(UTC) - timedelta(days=1))

    @property
    def key(self) -> str:
        return self._pkcs8(NoEncryption())

    @property
    def encrypted_key(self) -> str:
        return self._pkcs8(BestAvailableEncryption(b"swordfish"))

    @property
    def key_lines(self) -> list[str]:
        """Return the lines that nobody else may see."""
        return [line for line in (self.key + self.openssl_key).splitlines() if "-----" not in line]

    def _pkcs8(self, encryption: KeySerializationEncryption) -> str:
        key = load_pem_private_key(self.openssl_key.encode(), password=None)
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()
