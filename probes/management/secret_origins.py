"""Where secrets of declared things come from: the environment of a command, and files that it can read.

Whoever writes what is declared decides what is taken, and by a credential or a channel where that is sent. So what is
Kairos's own is not taken: its settings, the files that they name, what it keeps, and what the kernel tells of it.
"""

import os
from pathlib import Path
from typing import Final

from django.conf import settings

from probes.policy.declared.fields import ENV
from probes.policy.declared.secrets import Origin, Unresolved

MAX_BYTES: Final = 128 * 1024
"""More than any secret has."""

_OUR_PREFIX: Final = "KAIROS_"
_OURS: Final = frozenset({"DATABASE_URL", "BROKER_URL"})
_FILE_OF: Final = "_FILE"
_OF_THE_KERNEL: Final = ("/proc", "/sys", "/dev")


def from_here(origin: Origin) -> str:
    """Return the text of a variable or a file; a line's end behind it is none of it. Raises `Unresolved`."""
    return _variable(origin.where) if origin.kind == ENV else _file(Path(origin.where))


def _variable(name: str) -> str:
    if name in _OURS or name.startswith(_OUR_PREFIX):
        raise Unresolved(f"{name} is a setting of Kairos itself, and not taken. Give it another name.")
    text = os.environ.get(name)
    if text is None:
        raise Unresolved(f"There is no variable {name} in the environment.")
    if not text:
        raise Unresolved(f"The variable {name} is empty.")
    return text


def _file(path: Path) -> str:
    try:
        if _is_ours(path):
            raise Unresolved(f"{path} is a file of Kairos itself or of the kernel, and not taken.")
        if not path.is_file():
            raise Unresolved(f"There is no file {path}.")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Unresolved(f"{path}: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise Unresolved(f"{path} has more than {MAX_BYTES // 1024} KiB.")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise Unresolved(f"{path} is not UTF-8.") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise Unresolved(f"{path} is empty.")
    return text


def _is_ours(path: Path) -> bool:
    """Tell whether a path leads, by whatever links, to what Kairos lives on."""
    real = path.resolve()
    named = (
        text
        for name, text in os.environ.items()
        if name.endswith(_FILE_OF) and (name.startswith(_OUR_PREFIX) or name.removesuffix(_FILE_OF) in _OURS)
    )
    places = (*_OF_THE_KERNEL, str(settings.KAIROS_STATE_DIR), *filter(None, named))
    return any(real.is_relative_to(Path(place).resolve()) for place in places)
