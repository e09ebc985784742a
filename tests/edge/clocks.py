"""A region's clock that a test sets: libfaketime between a program and the time of day. Durations stay true."""

from pathlib import Path
from typing import Final

_LIBRARIES: Final = tuple(
    place / "faketime" / "libfaketimeMT.so.1"  # for programs with threads
    for place in (*sorted(Path("/usr/lib").glob("*-linux-gnu*")), Path("/usr/lib"), Path("/usr/local/lib"))
)
# The library puts a file into /dev/shm for each program, which stays when one is killed. It goes with a mount.
_WITH_SHM_OF_ITS_OWN: Final = 'mount -t tmpfs tmpfs /dev/shm; exec env "$@"'


def missing() -> str:
    """Return why no clock can be set on this machine, or nothing."""
    return "" if _library() else "needs libfaketime (Debian: libfaketime)"


class Clock:
    """The clock of the programs that are run by its `command`; right until it is set."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    def set(self, ahead_seconds: int) -> None:
        """Have it so far ahead of this machine's, or behind, within a second."""
        new = self._file.with_suffix(".new")  # so that it is read whole
        new.write_text(f"{ahead_seconds:+d}s\n", encoding="ascii")
        new.replace(self._file)

    def command(self, *argv: str) -> tuple[str, ...]:
        """Return the command that runs `argv` by this clock, where mounts are the program's own."""
        told = {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        variables = (f"{name}={value}" for name, value in told.items())
        return ("sh", "-euc", _WITH_SHM_OF_ITS_OWN, "sh", *variables, *argv)


def _library() -> Path | None:
    return next((path for path in _LIBRARIES if path.exists()), None)
