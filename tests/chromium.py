"""Which Chromium is used: by the tests, by the pictures of pages and by the benchmark of their first paint."""

import os
import shutil
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "chromium-headless-shell")
"""What Debian and others call it. The last has no windows, whose frames nobody sees, and takes a third of the CPU;
but what people have is the first."""


def program() -> str | None:
    """Return the path of what `CHROMIUM` names, or else of the first that is installed; None where there is none."""
    if named := os.environ.get("CHROMIUM"):
        return shutil.which(named)
    return next(filter(None, map(shutil.which, NAMES)), None)
