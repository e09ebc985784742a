"""The keys that the control plane needs: made once, each in a file that its owner alone can read (0600)."""

import secrets
from pathlib import Path

from probes.trust import keys as private
from probes.trust.keys import ControlKeys


def make_missing(*, secret_key: Path, fernet_keys: Path, control_key: Path) -> list[Path]:
    """Make those of the three files that do not exist; return what was made. Nothing is ever overwritten."""
    missing = [path for path in (secret_key, fernet_keys, control_key) if not path.exists()]
    for path in missing:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if secret_key in missing:
        write_private(secret_key, secrets.token_urlsafe(64))
    if fernet_keys in missing:
        from cryptography.fernet import Fernet  # noqa: PLC0415 - `up` writes files by this module, and makes no key

        write_private(fernet_keys, Fernet.generate_key().decode())
    if control_key in missing:
        ControlKeys.generate().save(control_key)
    return missing


def write_private(path: Path, text: str) -> None:
    """Put one line into a 0600 file, in one step: a reader finds the old line or the new one."""
    private.write_private(path, text + "\n")
