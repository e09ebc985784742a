"""Registry secrets at rest: encrypted with the newest Fernet key, opened only to be sealed for a region.

Keys are lines of `KAIROS_FERNET_KEYS_FILE`, the newest first: the first encrypts, all decrypt.
"""

import json
import os
import tempfile
from datetime import datetime
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction

from probes.models import Credential
from probes.protocol.plan import Secret


class SecretUnreadable(Exception):
    """A stored secret that none of the keys opens, or no usable key at all. The message tells nothing secret."""


def store_secret(credential: Credential, *, password: str = "", identity_token: str = "", now: datetime) -> None:
    """Encrypt a password or an identity token into the credential and save it.

    The user name stays a plain field. Raises `ValueError` unless exactly one of the two is given.
    """
    if bool(password) == bool(identity_token):
        raise ValueError("a password or an identity token, and not both")
    content = {"password": password} if password else {"identity_token": identity_token}
    credential.secret_encrypted = _fernet().encrypt(json.dumps(content).encode())
    credential.rotated_at = now
    credential.save()


def open_secret(credential: Credential) -> Secret:
    """Return the secret in clear. Raises `SecretUnreadable`."""
    try:
        content = json.loads(_fernet().decrypt(bytes(credential.secret_encrypted)))
    except InvalidToken:
        raise SecretUnreadable(f"no key opens the secret of {credential}; store it again") from None
    return Secret(
        username=credential.username,
        password=content.get("password", ""),
        identity_token=content.get("identity_token", ""),
    )


def make_key() -> None:
    """Put a new key before the others. What is stored keeps opening with the old ones."""
    path = Path(settings.KAIROS_FERNET_KEYS_FILE)
    keys = [Fernet.generate_key().decode(), *(_keys() if path.exists() else [])]
    # mkstemp makes the file 0600 from the first byte on; a reader finds the old file or the new one.
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write("\n".join(keys) + "\n")
    Path(unfinished).replace(path)


def reencrypt_secrets() -> tuple[int, list[str]]:
    """Encrypt every stored secret with the first key. Returns how many, and a line for each that none opens."""
    fernet, unreadable, count = _fernet(), [], 0
    with transaction.atomic():
        stored = Credential.objects.exclude(secret_encrypted=b"").select_related("registry", "region")
        for credential in stored.select_for_update(of=("self",)):
            try:
                credential.secret_encrypted = fernet.rotate(bytes(credential.secret_encrypted))
            except InvalidToken:
                unreadable.append(f"{credential.pk}: {credential}")
            else:
                credential.save(update_fields=["secret_encrypted"])
                count += 1
    return count, unreadable


def _fernet() -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in _keys()])
    except ValueError:
        raise SecretUnreadable(f"{settings.KAIROS_FERNET_KEYS_FILE} holds no usable keys") from None


def _keys() -> list[str]:
    path = Path(settings.KAIROS_FERNET_KEYS_FILE)
    try:
        return path.read_text(encoding="utf-8").split()
    except OSError as error:
        raise SecretUnreadable(f"{path}: {error.strerror}") from None
