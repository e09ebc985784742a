"""`python -m probes.edge.health`: whether this worker's heartbeats go out, for who watches over its container.

The worker notes in a small file (KAIROS_EDGE_HEALTH_FILE, on a tmpfs) when its heartbeat last used the broker and
when the broker last took one. Nothing is imported but the standard library: this runs every few seconds beside it.

There are two questions. *Does it reach the control plane?* decides whether a worker counts as ready; while the broker
is away the answer is no, and that is no reason to end it: it holds reports that will still be wanted. *Does it still
try?* is the one to restart for.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from probes.edge.link import Link

FILE_VARIABLE: Final = "KAIROS_EDGE_HEALTH_FILE"
BEATS: Final = 3
"""So many heartbeats may be missing."""

BEAT_SECONDS: Final = 15.0
"""And so long may one take on a link that hangs: what the broker has to connect, and to answer."""

ALIVE_SECONDS: Final = 120.0
"""A worker that has not even tried for so long does nothing any more. Nearly always it has ended itself before."""

_HEARTBEAT_SECONDS: Final = 10.0
_log = logging.getLogger(__name__)


class NotedLink:
    """The heartbeat's link to the broker, each use of which is noted in a file."""

    def __init__(self, link: "Link", path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._link = link
        self._path = path
        self._clock = clock
        self._sent_at: float | None = None
        self._is_unwritable = False

    def send(self, task: str, envelope: dict[str, Any], *, queue: str) -> None:
        self._note()
        self._link.send(task, envelope, queue=queue)
        self._sent_at = self._clock()
        self._note()

    def queue_length(self, queue: str) -> int:
        self._note()
        return self._link.queue_length(queue)

    def close(self) -> None:
        self._link.close()

    def _note(self) -> None:
        """Write both times. The monotonic clock is the machine's: another process can compare, whatever the date."""
        sent_at = "" if self._sent_at is None else f"{self._sent_at:.3f}"
        unfinished = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            unfinished.write_text(f"{self._clock():.3f} {sent_at}\n", encoding="ascii")
            unfinished.replace(self._path)
        except OSError as error:
            if not self._is_unwritable:
                _log.warning("%s: %s: %s", FILE_VARIABLE, self._path, error.strerror)
            self._is_unwritable = True


def ailment(note: str, now: float, *, heartbeat_seconds: float, alive: bool) -> str:
    """Return what is wrong with a worker that left this note, in a few words; empty when nothing is.

    `now` is in seconds of the monotonic clock; `alive` asks only whether it still tries.
    """
    tried, _, sent = note.partition(" ")
    try:
        tried_at, sent_at = float(tried), float(sent) if sent.strip() else None
    except ValueError:
        return "the note of its last heartbeat cannot be read"
    patience = BEATS * heartbeat_seconds + BEAT_SECONDS
    if not 0 <= now - tried_at <= max(ALIVE_SECONDS, patience):
        return f"no heartbeat has been tried for {now - tried_at:.0f} s"
    if alive:
        return ""
    if sent_at is None:
        return "the broker has not taken a heartbeat yet"
    if not 0 <= now - sent_at <= patience:
        return f"the broker has not taken a heartbeat for {now - sent_at:.0f} s"
    return ""


def main(arguments: Sequence[str], environ: Mapping[str, str], now: float) -> int:
    """Say in one line what is wrong, if anything is; return the exit status, which is 1 then and 2 for a mistake."""
    alive = list(arguments) == ["--alive"]
    path = environ.get(FILE_VARIABLE, "").strip()
    if not path or (arguments and not alive):
        sys.stderr.write(f"usage: {FILE_VARIABLE}=FILE python -m probes.edge.health [--alive]\n")
        return 2
    try:
        seconds = float(environ.get("KAIROS_EDGE_HEARTBEAT_SECONDS", "").strip() or _HEARTBEAT_SECONDS)
        trouble = ailment(Path(path).read_text(encoding="ascii"), now, heartbeat_seconds=seconds, alive=alive)
    except (OSError, ValueError):
        trouble = f"{path} is not there: no heartbeat has been tried yet"
    if trouble:
        sys.stderr.write(f"{trouble}\n")
    return int(bool(trouble))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, time.monotonic()))
