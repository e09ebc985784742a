"""A bundle on disk, and as one archive."""

import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from probes.bundle.contents import Bundle, BundleFile

_PRIVATE: Final = 0o600
_PUBLIC: Final = 0o644
_DIRECTORY: Final = 0o700


def packed(bundle: Bundle) -> bytes:
    """Return the bundle as a `.tar.gz`: one directory, with the files' permissions, and nobody's name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        directory = tarfile.TarInfo(bundle.name)
        directory.type, directory.mode = tarfile.DIRTYPE, _DIRECTORY
        archive.addfile(directory)
        for file in bundle.files:
            content = file.text.encode()
            entry = tarfile.TarInfo(f"{bundle.name}/{file.name}")
            entry.size, entry.mode = len(content), _PRIVATE if file.is_private else _PUBLIC
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def write(bundle: Bundle, parent: Path) -> tuple[Path, Path]:
    """Write the bundle under `parent`, as a directory and as an archive; return the two paths.

    What was there before under these names is replaced, or where that fails stays as it was. Raises `OSError`.
    """
    parent.mkdir(parents=True, exist_ok=True)
    directory, archive = parent / bundle.name, parent / f"{bundle.name}.tar.gz"
    # Whole or not at all: made beside, private from the first byte on, and then put in place.
    unfinished = Path(tempfile.mkdtemp(dir=parent, prefix=f".{bundle.name}."))
    try:
        made = _made(unfinished / bundle.name, bundle.files)
        _write(unfinished / archive.name, packed(bundle), _PRIVATE)
        with _out_of_the_way(directory, unfinished):
            made.rename(directory)
            (unfinished / archive.name).replace(archive)
    finally:
        shutil.rmtree(unfinished)
    return directory, archive


def put_files(files: Iterable[BundleFile], directory: Path) -> None:
    """Make the directory of these files, in place of what was there, which else stays as it was. Raises `OSError`."""
    directory.parent.mkdir(parents=True, exist_ok=True, mode=_DIRECTORY)
    unfinished = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f".{directory.name}."))
    try:
        made = _made(unfinished / directory.name, files)
        with _out_of_the_way(directory, unfinished):
            made.rename(directory)
    finally:
        shutil.rmtree(unfinished)


def _made(directory: Path, files: Iterable[BundleFile]) -> Path:
    directory.mkdir(mode=_DIRECTORY)
    for file in files:
        _write(directory / file.name, file.text.encode(), _PRIVATE if file.is_private else _PUBLIC)
    return directory


@contextmanager
def _out_of_the_way(directory: Path, unfinished: Path) -> Iterator[None]:
    """Have the directory moved into `unfinished`, and back in place of what may have come there if that fails."""
    before = unfinished / "before"
    if directory.exists():
        directory.rename(before)
    try:
        yield
    except BaseException:
        if directory.exists():
            directory.rename(unfinished / "after")
        if before.exists():
            before.rename(directory)
        raise


def _write(path: Path, content: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), mode)
