"""Where secrets of declared things come from: the environment of a command, and files that it can read."""

import os
from pathlib import Path
from typing import Final

from probes.policy.declared.fields import ENV
from probes.policy.declared.secrets import Origin, Unresolved

MAX_BYTES: Final = 128 * 1024
"""More than any secret has."""


def from_here(origin: Origin) -> str:
    """Return the text of a variable or a file; a line's end behind it is none of it. Raises `Unresolved`."""
    return _variable(origin.where) if origin.kind == ENV else _file(Path(origin.where))


def _variable(name: str) -> str:
    text = os.environ.get(name)
    if text is None:
        raise Unresolved(f"There is no variable {name} in the environment.")
    if not text:
        raise Unresolved(f"The variable {name} is empty.")
    return text


def _file(path: Path) -> str:
    try:
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
