"""A program to be run beside us: what starts it, as whom, and how it is asked to stop. A value; it runs nothing."""

import os
import pwd
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

# What any program may know of where it runs. Everything else of our environment is handed over by name.
COMMON_VARIABLES: Final = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this system that a child runs as. `uid` and `gid` are what the kernel is given."""

    name: str
    uid: int
    gid: int

    @classmethod
    def named(cls, *names: str) -> Self:
        """Return the first of these users that exists. Raises KeyError when none does."""
        for name in names:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)
        raise KeyError(names)

    def can_enter(self, directory: Path) -> bool:
        """Tell whether the user can reach this directory; asked of the kernel, which knows of every ACL."""
        question = ("/bin/sh", "-c", 'cd "$1"', "sh", str(directory))
        # From the root directory: this process's own may be closed to the user.
        return run(question, directory=Path("/"), account=self).returncode == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One program. `environment` is complete: nothing is inherited beside it."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    directory: Path
    account: Account | None = None  # None: as ourselves
    log: Path | None = None  # where it writes its lines, if not to its output
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 4.0  # after which it is killed
    once: bool = False  # runs to its end and is not started again


def common_environment() -> dict[str, str]:
    """Return the variables that every child may have."""
    return {name: os.environ[name] for name in COMMON_VARIABLES if name in os.environ}


def run(
    argv: tuple[str, ...], *, directory: Path | None = None, account: Account | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a short program to its end, with `common_environment` and no input. Raises OSError when it cannot start."""
    return subprocess.run(  # noqa: S603 - our own programs and arguments
        argv,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        cwd=directory,
        env=common_environment(),
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=() if account else None,
    )
