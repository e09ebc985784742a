"""Files and directories: which are read, and as what. No link is followed out of what was named."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from probes.policy.discovery import compose, dockerfile, kubernetes, yaml_stream
from probes.policy.discovery.finding import Notebook, Place

MAX_FILE_BYTES: Final = 8 * 1024 * 1024
MAX_FILES: Final = 50_000
MAX_ENTRIES: Final = 1_000_000
"""Entries of directories that are looked at."""

MAX_DEPTH: Final = 40
IGNORED: Final = frozenset(
    {
        ".git", ".hg", ".svn", ".terraform", ".tox", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache",
        ".pytest_cache", ".ruff_cache", "site-packages",
    }
)  # fmt: skip
"""Directories that hold what others wrote, or what is made anew each time."""

STDIN: Final = "-"
_YAML: Final = (".yaml", ".yml", ".json")
_COMPOSE: Final = ("compose", "docker-compose")
_SOURCES: Final = (".dockerignore", ".md", ".py", ".go", ".js", ".ts", ".rs", ".rb", ".java", ".c", ".sh", ".txt")
"""By these endings something may be called after Dockerfiles and be none."""

_HELM_CHART: Final = "Chart.yaml"


@dataclass(slots=True)
class Reading:
    """One run over files; `values` fill in variables, `exclude` are patterns of paths that are not looked at."""

    book: Notebook
    values: Mapping[str, str] = field(default_factory=dict)
    exclude: Sequence[str] = ()
    _read: set[str] = field(default_factory=set)
    _entries: int = 0

    def paths(self, paths: Sequence[str], stdin: bytes = b"") -> None:
        """Read what is named: a file whatever its name, of a directory what looks like it; `-` is `stdin`."""
        for path in paths:
            if path == STDIN:
                self._take("<stdin>", stdin, is_named=True)
            elif Path(path).is_dir():
                for file in self._walk(Path(path)):
                    if len(self._read) >= MAX_FILES:
                        self.book.gap(Place(path), f"more than {MAX_FILES:,} files: the rest is left out")
                        break
                    self._read_file(file, is_named=False)
            else:
                self._read_file(Path(path), is_named=True)
        for place, wanted in self.book.wanted:
            other = Path(place.source).parent / wanted
            if self._key(other) not in self._read and not self._is_excluded(other):
                self.book.gap(place, f"{other} belongs to it and was not read: name it too")

    def _walk(self, root: Path) -> Iterator[Path]:
        """Yield the files that are of interest, directory by directory, in the order of their names."""
        inside = root.resolve()
        pending = [(root, 0)]
        while pending:
            directory, depth = pending.pop()
            below = []
            for entry in self._entries_of(directory, depth):
                path = directory / entry.name
                if entry.is_symlink():
                    self._look_at_link(path, inside)
                elif entry.is_dir(follow_symlinks=False):
                    below.append((path, depth + 1))
                elif _is_of_interest(entry.name):
                    yield path
            pending += reversed(below)

    def _entries_of(self, directory: Path, depth: int) -> list["os.DirEntry[str]"]:
        """Return what is to be looked at of a directory."""
        place = Place(str(directory))
        if directory.name == "templates" and (directory.parent / _HELM_CHART).exists():
            self.book.gap(place, "Helm's templates: read what `helm template` makes of them, or --exclude them")
            return []
        try:
            entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
        except OSError as error:
            self.book.gap(place, error.strerror or "not readable")
            return []
        self._entries += len(entries)
        if depth > MAX_DEPTH or self._entries > MAX_ENTRIES:
            self.book.gap(place, "deeper, or among more files, than is looked at")
            return []
        return [
            entry for entry in entries if entry.name not in IGNORED and not self._is_excluded(directory / entry.name)
        ]

    def _look_at_link(self, path: Path, root: Path) -> None:
        """Tell of a link that leads out. What one inside leads to is met by its own name."""
        try:
            target = path.resolve()
            is_of_interest = target.is_dir() or _is_of_interest(path.name)
        except (OSError, RuntimeError):  # in a circle
            self.book.gap(Place(str(path)), "a link that leads nowhere")
            return
        if is_of_interest and not target.is_relative_to(root):
            self.book.gap(Place(str(path)), "a link that leads out of the directory: not followed")

    def _is_excluded(self, path: Path) -> bool:
        return any(fnmatch(str(path), pattern) or fnmatch(path.name, pattern) for pattern in self.exclude)

    def _key(self, path: Path) -> str:
        return str(path.resolve())

    def _read_file(self, path: Path, *, is_named: bool) -> None:
        key = self._key(path)
        if key in self._read:
            return
        self._read.add(key)
        try:
            content = _content(path)
        except OSError as error:
            self.book.gap(Place(str(path)), error.strerror or str(error))
            return
        self._take(str(path), content, is_named=is_named)

    def _take(self, name: str, content: bytes, *, is_named: bool) -> None:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self.book.gap(Place(name, content[: error.start].count(b"\n") + 1), "not text in UTF-8")
            return
        if _is_dockerfile(Path(name).name) or (name == "<stdin>" and _begins_like_a_dockerfile(text)):
            dockerfile.read(text, name, self.values, self.book)
        else:
            self._take_yaml(name, text, is_named=is_named)

    def _take_yaml(self, name: str, text: str, *, is_named: bool) -> None:
        is_called_compose = _is_compose(Path(name).name)
        if not (is_named or is_called_compose or "apiVersion" in text or "services" in text):
            return  # of a thousand JSON files beside the manifests none is parsed
        values: Mapping[str, str] | None = None
        is_of_use = False
        try:
            for document in yaml_stream.documents(text):
                if kubernetes.is_object(document):
                    kubernetes.read(document, name, self.book)
                elif is_called_compose or compose.is_compose(document):
                    values = {**self._env_beside(name), **self.values} if values is None else values
                    compose.read(document, name, values, self.book)
                else:
                    continue
                is_of_use = True
        except yaml_stream.YamlRefused as error:
            # A file that does not speak of images can hide none.
            if is_named or is_of_use or "image" in text:
                hint = " (a template? read what it makes)" if "{{" in text else ""
                self.book.gap(Place(name, error.line), f"{error}{hint}")
            return
        if is_named and not is_of_use:
            self.book.gap(Place(name), "neither objects of Kubernetes nor services of Compose nor a Dockerfile")

    def _env_beside(self, name: str) -> dict[str, str]:
        """Return the variables that Compose takes from the `.env` beside its file."""
        path = Path(name).parent / ".env"
        if name == "<stdin>" or not path.is_file():
            return {}
        if not path.resolve().is_relative_to(path.parent.resolve()):
            # Whoever may write a repository would have what is in any file of ours stand in a reference.
            self.book.gap(Place(str(path)), "a link that leads out of the directory: not followed")
            return {}
        try:
            return compose.read_env(_content(path).decode())
        except (OSError, UnicodeDecodeError):
            self.book.gap(Place(str(path)), "not readable as the variables of a Compose file")
            return {}


def _content(path: Path) -> bytes:
    """Return a file's bytes. Raises `OSError` for what is no file, or too large; a named pipe is not waited for."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("not a file")
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise OSError(f"larger than {MAX_FILE_BYTES // 1024 // 1024} MiB")
    return content


def _is_of_interest(name: str) -> bool:
    return name.lower().endswith(_YAML) or _is_dockerfile(name)


def _is_dockerfile(name: str) -> bool:
    lowered = name.lower()
    stem = lowered.partition(".")[0]
    if lowered.endswith((*_SOURCES, *_YAML)):
        return False
    return stem in ("dockerfile", "containerfile") or lowered.endswith((".dockerfile", ".containerfile"))


def _is_compose(name: str) -> bool:
    return name.lower().endswith(_YAML) and name.lower().partition(".")[0] in _COMPOSE


def _begins_like_a_dockerfile(text: str) -> bool:
    first = next(iter(dockerfile.instructions(text)), None)
    return first is not None and first.word in ("FROM", "ARG")
