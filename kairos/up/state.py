"""The state directory: who may enter, and that one run uses it at a time."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kairos.keys import write_private
from kairos.up import Refused


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """`.kairos/` or another place. Secrets in it are files of mode 0600."""

    path: Path

    @contextmanager
    def claimed(self, what_runs: str) -> Iterator[None]:
        """Hold the directory for this process; `what_runs` is told to whoever comes second.

        The kernel keeps the lock, so it ends with the process however that ends. Raises `Refused`.
        """
        try:
            # As root, PostgreSQL runs as another user, who must be able to pass through but not to look around.
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
            lock = self.path / "up.lock"
            lock.touch(mode=0o600)
            file = lock.open("r+", encoding="utf-8")
        except OSError as error:
            raise Refused(f"{self.path} cannot be used as the state directory: {error.strerror}") from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = file.read().strip() or "another process"
                raise Refused(f"Kairos already runs from {self.path}: {holder}") from None
            file.truncate(0)
            file.write(what_runs)
            file.flush()
            yield

    def password(self, name: str) -> str:
        """Return the password kept under this name, made at its first use."""
        path = self.path / f"{name}-password"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(24))
        return path.read_text(encoding="utf-8").strip()
