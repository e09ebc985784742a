"""PostgreSQL and Redis on this machine: the real servers, from wheels or from PATH, on loopback, with a password.

A server here is a description that can prepare its directory, tell what to run (`Child`) and say whether it
answers. Running it is left to others: `manage.py up` and the tests start the same children in their own ways.
"""

import importlib.util
import secrets
import socket
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_OURS: Final = range(20_000, 32_768)
"""Ports from which no system takes one for a connection out, unless it is told to."""
_TRIES: Final = 20


class Unavailable(Exception):
    """A server cannot be had here. The message is one line that says what is missing and what to do."""


def free_port() -> int:
    """Return a TCP port on loopback that nothing listens on, for a server that starts seconds later.

    Until then nobody keeps it for us. One of those that the system gives out by itself would go to any connection
    that is made meanwhile, and the server could not listen.
    """
    for _ in range(_TRIES):
        # Not `random`: whoever seeds it in several processes would have them all take the same.
        if port := _bound(secrets.choice(_OURS)):
            return port
    return _bound(0)


def _bound(port: int) -> int:
    """Return the port that could be listened on, which is one of the system's choice for 0; 0 if it could not."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            return 0
        found: int = listener.getsockname()[1]
        return found


def wheel_file(package: str, *parts: str) -> Path | None:
    """Return a file of an installed wheel, None without it. The package is not imported: only its binaries serve."""
    spec = importlib.util.find_spec(package)
    for place in (spec and spec.submodule_search_locations) or ():
        path = Path(place, *parts)
        if path.exists():
            return path
    return None
