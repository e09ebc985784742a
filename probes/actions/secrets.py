"""Secrets at rest: encrypted with the newest Fernet key, opened only for a region.

They are the logins of credentials, the keys of registries' client certificates, the private box keys of regions (who
can open the former needs no box key to learn them, so the latter are no worse off here), and the URLs of channels.

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
from nacl.public import PrivateKey

from probes.models import Channel, Credential, CredentialKind, RegionKey, Registry
from probes.models.client_identity import read_identity
from probes.protocol.plan import Secret
from probes.protocol.provider import read_key
from probes.protocol.token import expiry_of, is_bearer
from probes.trust.keys import decode_key, key_text

_Keeper = Credential | Registry | RegionKey | Channel


class SecretUnreadable(Exception):
    """A stored secret that none of the keys opens, or no usable key at all. The message tells nothing secret."""


def store_secret(credential: Credential, *, now: datetime, **login: str) -> None:
    """Encrypt a login into the credential, note of which kind it is, and save it.

    `login` are fields of `Secret`: `password`, `identity_token` or `bearer`, or a `provider` with its
    `provider_key`. The user name stays a plain field. Raises `ValueError` unless it is exactly one login, which a
    registry or a provider could take. A token that says when it ends sets the credential's `expires_at`.
    """
    secret = Secret.from_json(login)
    credential.kind = _kind_of(secret)
    credential.secret_encrypted = _encrypted(json.dumps(secret.to_json()))
    credential.rotated_at = now
    credential.expires_at = expiry_of(secret.bearer or secret.identity_token) or credential.expires_at
    credential.save()


def _kind_of(secret: Secret) -> CredentialKind:
    shown = [kind for kind in CredentialKind if not kind.is_exchanged and getattr(secret, kind)]
    if len(shown) + bool(secret.provider) != 1:
        raise ValueError("one password, identity token, bearer token or provider's key, and not several")
    if secret.provider:
        read_key(secret.provider, secret.provider_key)
        return CredentialKind(secret.provider)
    if secret.bearer and not is_bearer(secret.bearer):
        raise ValueError("a bearer token is visible ASCII, up to 16 KiB")
    return shown[0]


def open_secret(credential: Credential) -> Secret:
    """Return the secret in clear. Raises `SecretUnreadable`."""
    content = json.loads(_decrypted(credential.secret_encrypted, credential))
    return Secret.from_json({"username": credential.username, **content})


def store_identity(registry: Registry, *, certificate: str, key: str, now: datetime) -> None:
    """Store a client certificate with its chain, and its key encrypted, and save the registry.

    Both are PEM. Raises `IdentityRefused` as `read_identity` does.
    """
    identity = read_identity(certificate, key, now=now)
    registry.client_key_encrypted = _encrypted(identity.key)
    registry.client_certificate = identity.certificate
    registry.save()


def forget_identity(registry: Registry) -> None:
    """Take away certificate and key, and save the registry."""
    registry.client_certificate, registry.client_key_encrypted = "", b""
    registry.save()


def open_identity(registry: Registry) -> str:
    """Return key and chain in clear, as `Secret.client_identity` has them, or nothing. Raises `SecretUnreadable`."""
    if not registry.has_client_identity:
        return ""
    return _decrypted(registry.client_key_encrypted, registry) + registry.client_certificate


def keep_channel_secret(channel: Channel, *, url: str, signing_key: str) -> None:
    """Encrypt where a channel leads and what its messages are signed with into the row, without saving it."""
    channel.secret_encrypted = _encrypted(json.dumps({"url": url, "signing_key": signing_key}))


def open_channel_secret(channel: Channel) -> tuple[str, str]:
    """Return URL and signing key in clear. Raises `SecretUnreadable`, also where there is none yet."""
    if not channel.has_secret:
        raise SecretUnreadable(f"channel {channel} has no URL yet")
    content = json.loads(_decrypted(channel.secret_encrypted, channel))
    return content["url"], content["signing_key"]


def keep_box_key(row: RegionKey, key: PrivateKey) -> None:
    """Encrypt the private half into the row, without saving it."""
    row.box_private_encrypted = _encrypted(key_text(key))


def open_box_key(row: RegionKey) -> PrivateKey:
    """Return the private half of a region's box key. Raises `SecretUnreadable`."""
    return PrivateKey(decode_key(_decrypted(row.box_private_encrypted, row)))


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
    credentials = Credential.objects.exclude(secret_encrypted=b"").select_related("registry", "region")
    registries = Registry.objects.exclude(client_key_encrypted=b"")
    region_keys = RegionKey.objects.exclude(box_private_encrypted=b"").select_related("region")
    channels = Channel.objects.exclude(secret_encrypted=b"")
    fernet, unreadable, count = _fernet(), [], 0
    with transaction.atomic():
        kept: list[tuple[_Keeper, str]] = [
            *((row, "secret_encrypted") for row in credentials.select_for_update(of=("self",))),
            *((row, "client_key_encrypted") for row in registries.select_for_update()),
            *((row, "box_private_encrypted") for row in region_keys.select_for_update(of=("self",))),
            *((row, "secret_encrypted") for row in channels.select_for_update()),
        ]
        for row, field in kept:
            try:
                setattr(row, field, fernet.rotate(bytes(getattr(row, field))))
            except InvalidToken:
                unreadable.append(f"{row._meta.verbose_name} {row.pk}: {row}")  # noqa: SLF001 - Django's documented API
            else:
                row.save(update_fields=[field])
                count += 1
    return count, unreadable


def _encrypted(text: str) -> bytes:
    return _fernet().encrypt(text.encode())


def _decrypted(stored: bytes | memoryview, whose: _Keeper) -> str:
    try:
        return _fernet().decrypt(bytes(stored)).decode()
    except InvalidToken:
        raise SecretUnreadable(f"no key opens the secret of {whose}; store it again") from None


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
