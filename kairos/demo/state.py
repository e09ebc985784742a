"""The few files that outlive a run of the demonstration: each made once, readable by its owner alone."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def made_once(path: Path, make: Callable[[], bytes]) -> bytes:
    """Return what `path` holds; when there is no such file, write what `make` returns there first (0600).

    Two processes may ask at once: the file appears complete or not at all, and both get the same bytes.
    Raises `OSError`.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(make())
            # Unlike a rename, a link refuses to replace what another process has made meanwhile.
            os.link(name, path)
        except FileExistsError:
            pass
        finally:
            Path(name).unlink()
    return path.read_bytes()
