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


def read(paths: Sequence[str], stdin: BinaryIO) -> Reading:
    """Read files, what is beneath directories, and `-` for standard input; what cannot be read is a fault.

    Nothing is passed over in silence: what is missing from a reading may be pruned.
    """
    reading = Reading()
    for path in paths:
        if path == STDIN:
            _add(reading, stdin.read(MAX_FILE_BYTES + 1), "stdin")
            continue
        for number, file in enumerate(_files(Path(path), reading)):
            if number >= MAX_FILES:
                _refuse(reading, path, f"There are more than {MAX_FILES:,} files.")
                break
            try:
                with file.open("rb") as opened:
                    text = opened.read(MAX_FILE_BYTES + 1)
            except OSError as error:
                _refuse(reading, str(file), f"{error.strerror}.")
                continue
            _add(reading, text, str(file))
    return reading


def _files(path: Path, reading: Reading) -> Iterator[Path]:
    """Yield the files of a path in the order of their names; nothing hidden is read.

    A link is followed to a file beneath the path, as Kubernetes mounts them. One that leads elsewhere is a fault.
    """
    if not path.is_dir():
        yield path
        return
    root = path.resolve()

    def refused(error: OSError) -> None:
        _refuse(reading, str(error.filename), f"{error.strerror}.")

    for folder, folders, names in os.walk(path, onerror=refused):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            _leads_beneath(root, Path(folder) / name, reading)
        for name in sorted(names):
            file = Path(folder) / name
            if name.endswith(_ENDINGS) and not name.startswith(".") and _leads_beneath(root, file, reading):
                yield file


def _leads_beneath(root: Path, path: Path, reading: Reading) -> bool:
    """Tell whether a path is no link, or one to something beneath the root; of any other there is a fault."""
    if not path.is_symlink() or path.resolve().is_relative_to(root):
        return True
    _refuse(reading, str(path), "It is a link that leads out of the directory. Name what it leads to by -f.")
    return False


def _refuse(reading: Reading, file: str, message: str) -> None:
    reading.faults.append(Fault(place=Place(file, 0), message=message))


def _add(reading: Reading, text: bytes, file: str) -> None:
    if len(text) > MAX_FILE_BYTES:
        _refuse(reading, file, f"It has more than {MAX_FILE_BYTES // 1024 // 1024} MiB.")
        return
    try:
        reading.add_text(text.decode("utf-8-sig"), file)
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        reading.faults.append(Fault(place=Place(file, line), message="It is not UTF-8."))
