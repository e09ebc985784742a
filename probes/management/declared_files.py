"""Declarations in files: which are read of a directory, and how much of them."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from probes.policy.declared.reading import Fault, Place, Reading

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
MAX_FILES: Final = 20_000
_ENDINGS: Final = (".yaml", ".yml", ".json")
STDIN: Final = "-"


class FilesUnusable(Exception):
    """A path that nothing can be read from; the message says why."""


def read(paths: Sequence[str], stdin: BinaryIO) -> Reading:
    """Read files, what is beneath directories, and `-` for standard input. Raises `FilesUnusable`."""
    reading = Reading()
    for path in paths:
        if path == STDIN:
            _add(reading, stdin.read(MAX_FILE_BYTES + 1), "stdin")
            continue
        for number, file in enumerate(_files(Path(path))):
            if number >= MAX_FILES:
                raise FilesUnusable(f"{path}: more than {MAX_FILES:,} files")
            try:
                with file.open("rb") as opened:
                    text = opened.read(MAX_FILE_BYTES + 1)
            except OSError as error:
                raise FilesUnusable(f"{file}: {error.strerror}") from None
            _add(reading, text, str(file))
    return reading


def _files(path: Path) -> Iterator[Path]:
    """Yield the files of a path in the order of their names; no link is followed, and nothing hidden is read."""
    if not path.is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder) / name
            if name.endswith(_ENDINGS) and not name.startswith(".") and not file.is_symlink():
                yield file


def _add(reading: Reading, text: bytes, file: str) -> None:
    if len(text) > MAX_FILE_BYTES:
        raise FilesUnusable(f"{file}: more than {MAX_FILE_BYTES // 1024 // 1024} MiB")
    try:
        reading.add_text(text.decode("utf-8-sig"), file)
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        reading.faults.append(Fault(place=Place(file, line), message="It is not UTF-8."))
