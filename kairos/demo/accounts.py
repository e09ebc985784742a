"""Who may log in to the demonstration's token server. The password is made once for each installation."""

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kairos.demo.state import made_once

USERNAME: Final = "deploy-robot"
_FILE: Final = "account-password"


@dataclass(frozen=True, slots=True)
class Account:
    """A login that may pull every private repository."""

    username: str
    password: str = field(repr=False)

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Tell whether the Basic credentials in `headers` are this account's (RFC 7617)."""
        scheme, _, encoded = headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except binascii.Error:
            return False
        return scheme.lower() == "basic" and hmac.compare_digest(given, f"{self.username}:{self.password}".encode())


def account(state_dir: Path) -> Account:
    """Return the account kept in `state_dir`; its password is made on the first call. Raises `OSError`."""
    password = made_once(state_dir / _FILE, lambda: secrets.token_urlsafe(18).encode())
    return Account(USERNAME, password.decode())
