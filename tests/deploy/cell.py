"""A container without a container engine: a directory tree as the Dockerfile makes it, and programs that see only it.

    images = Images(directory)                # builds a stage when it is first asked for
    with images.cell("edge", volumes=…) as cell:
        cell.start(("python", "-m", "probes.edge"), {"BROKER_URL": …})

The Dockerfile's own steps are run: COPY takes what .dockerignore lets through, RUN runs. Only its base image is
another one: this machine's /usr and Python, read-only; and what pip would install for the control plane is copied,
where it can be. For the edge, pip itself is run. What runs in a cell is an unprivileged user in namespaces of
its own for mounts and processes, on a read-only root with a tmpfs at /tmp, without capabilities. The network is this
machine's.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import psutil

from tests.deploy import installed
from tests.deploy.dockerfile import ROOT, Copy, Run, Stage, is_in_context, stages
from tests.servers import wait_until

PROGRAMS: Final = ("unshare", "nsenter", "setpriv", "chroot", "useradd")
_BASE: Final = Path(sys.base_prefix)
_PATH: Final = f"{_BASE}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
_ETC: Final = (
    *("passwd", "group", "shadow", "gshadow", "login.defs", "nsswitch.conf", "hosts", "resolv.conf", "ld.so.cache"),
    *("ssl", "ca-certificates", "xdg", "pip.conf", "alternatives", "localtime"),
)
# Bound into a cell besides /usr, read-only: the base image's Python, and where this machine may keep packages.
_BOUND: Final = tuple(path for path in (Path("/usr"), _BASE, Path("/opt")) if path.is_dir())
_COPIED: Final = "control-packages"
_INSTALLS: Final = "install --require-hashes"
# Mounts are private to the namespace and go with it.
_ENTER: Final = """
root=$1; shift
mount --bind "$root" "$root"
for bound in $CELL_BOUND; do mount --bind "$bound" "$root$bound"; mount -o remount,bind,ro "$root$bound"; done
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
while [ "$1" != -- ]; do
    [ -e "$root$2" ] || mkdir -p "$root$2"  # within another volume
    mount --bind "$1" "$root$2"; mount -o "remount,bind,$3" "$root$2"
    shift 3
done
shift
[ -n "$CELL_WRITABLE" ] || mount -o remount,bind,ro "$root"
unset CELL_BOUND CELL_WRITABLE
exec chroot "$root" "$@"
"""


def missing() -> str:
    """Return why there can be no cell on this machine, or nothing."""
    if os.geteuid() != 0:
        return "needs root: it makes mounts and namespaces"
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"needs {', '.join(absent)}" if absent else ""


class Images:
    """The stages of the Dockerfile, each built once under `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.stages = stages()
        self._built: dict[str, Path] = {}

    def root(self, name: str) -> Path:
        """Return the file system of a stage."""
        if name not in self._built:
            self._built[name] = root = self._directory / name
            _lay_base(root)
            for directory, step in self.stages[name].steps:
                (root / directory.lstrip("/")).mkdir(parents=True, exist_ok=True)
                if isinstance(step, Run) and name == _COPIED and _INSTALLS in step.command:
                    if not installed.copy(ROOT / self.stages[name].arguments["REQUIREMENTS"], root / "venv"):
                        self._run(root, self.stages[name], directory, step)
                elif isinstance(step, Run):
                    self._run(root, self.stages[name], directory, step)
                else:
                    self._copy(root, directory, step)
        return self._built[name]

    def cell(self, name: str, volumes: Mapping[str, tuple[Path, str]] | None = None) -> "Cell":
        """Return a cell of an image; `volumes` are by place, each a path here and `ro` or `rw`."""
        return Cell(self.root(name), self.stages[name], volumes or {})

    def _run(self, root: Path, stage: Stage, directory: str, step: Run) -> None:
        environment = {**os.environ, **_environment(stage), "HOME": "/root"}
        argv = ("env", f"--chdir={directory}", "sh", "-euc", step.command)
        built = subprocess.run(
            _argv(root, argv, {}),
            env={**environment, **_told(writable=True)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert built.returncode == 0, f"RUN {step.command}\n{built.stdout}{built.stderr}"

    def _copy(self, root: Path, directory: str, step: Copy) -> None:
        target = root / (Path(directory) / step.destination).as_posix().lstrip("/")
        for source in step.sources:
            origin = self.root(step.stage) / source.lstrip("/") if step.stage else ROOT / source
            assert origin.exists(), f"COPY {source}: not there"
            assert step.stage or is_in_context(source), f"COPY {source}: .dockerignore keeps it out"
            if origin.is_dir():
                # What comes from another stage is never written to again: it may be the same file in both.
                copy = os.link if step.stage else shutil.copy2
                left_out = _kept_out(origin, step)
                shutil.copytree(
                    origin, target, symlinks=True, dirs_exist_ok=True, ignore=left_out, copy_function=copy
                )
            else:
                place = target / origin.name if step.destination.endswith("/") else target
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(origin, place)


class Cell:
    """Where programs of one image run. A context manager: what runs at its end is killed."""

    def __init__(self, root: Path, stage: Stage, volumes: Mapping[str, tuple[Path, str]]) -> None:
        self._root = root
        self.stage = stage
        self._volumes = volumes
        self._started: list[subprocess.Popen[bytes]] = []
        for place in volumes:
            spot = root / place.lstrip("/")
            if volumes[place][0].is_dir():
                spot.mkdir(parents=True, exist_ok=True)
            else:
                spot.parent.mkdir(parents=True, exist_ok=True)
                spot.touch()

    def run(self, argv: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, within a minute."""
        return subprocess.run(
            self._argv(argv), env=self._told(environment), capture_output=True, text=True, timeout=60, check=False
        )

    def run_inside(
        self, process: subprocess.Popen[bytes], argv: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run a program beside one that was started, as a health check is: it sees the same files."""
        enter = ("nsenter", f"--target={inside(process).pid}", "--mount", "--pid", "--root", "--wd")
        return subprocess.run(
            [*enter, *self._confined(argv)],
            env=self._told(environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, argv: Sequence[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
        with log.open("wb") as output:
            process = subprocess.Popen(
                self._argv(argv),
                env=self._told(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def stop(self, process: subprocess.Popen[bytes], seconds: float) -> int:
        """Send SIGTERM to the program, which is process 1 in there as in a container; return its exit status."""
        inside(process).send_signal(signal.SIGTERM)
        return process.wait(seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            if process.poll() is None:
                inside(process).kill()  # and with process 1 everything in there
            process.wait()

    def _argv(self, argv: Sequence[str]) -> list[str]:
        return _argv(self._root, self._confined(argv), self._volumes)

    def _confined(self, argv: Sequence[str]) -> tuple[str, ...]:
        uid, gid = self.stage.user.split(":")
        confined = ("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs")
        without = ("--bounding-set=-all", "--inh-caps=-all")
        return ("env", f"--chdir={self.stage.directory}", *confined, *without, *argv)

    def _told(self, environment: Mapping[str, str]) -> dict[str, str]:
        return {**_environment(self.stage), **environment, **_told(writable=False)}


def inside(process: subprocess.Popen[bytes]) -> psutil.Process:
    """Return the program in the cell, whose parent is `unshare`."""
    outer = psutil.Process(process.pid)
    wait_until(lambda: bool(outer.children()), 10, "the cell", alive=process)
    return outer.children()[0]


def _argv(root: Path, argv: Sequence[str], volumes: Mapping[str, tuple[Path, str]]) -> list[str]:
    mounts = [word for place, (path, mode) in volumes.items() for word in (str(path), place, mode)]
    spaces = ("--mount", "--propagation=private", "--pid", "--fork")
    return ["unshare", *spaces, "sh", "-euc", _ENTER, "sh", str(root), *mounts, "--", *argv]


def _told(*, writable: bool) -> dict[str, str]:
    return {"CELL_BOUND": " ".join(map(str, _BOUND)), "CELL_WRITABLE": "1" if writable else ""}


def _environment(stage: Stage) -> dict[str, str]:
    """Return what the image sets, with the base image's PATH where it is asked for."""
    return {"PATH": _PATH} | {name: value.replace("$PATH", _PATH) for name, value in stage.environment.items()}


def _lay_base(root: Path) -> None:
    for name in ("dev", "proc", "tmp", "etc", "root", "var/tmp"):
        (root / name).mkdir(parents=True)
    for bound in _BOUND:
        (root / str(bound).lstrip("/")).mkdir(parents=True, exist_ok=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    for name in _ETC:
        source = Path("/etc") / name
        if source.is_dir():
            shutil.copytree(source, root / "etc" / name, symlinks=True, ignore_dangling_symlinks=True)
        elif source.exists():
            shutil.copy2(source, root / "etc" / name)
    hosts = root / "etc" / "hosts"
    hosts.write_text(f"{hosts.read_text()}\n127.0.0.1 postgres redis\n")


def _kept_out(origin: Path, step: Copy) -> "shutil._IgnoreFn | None":  # type: ignore[name-defined] # the stubs alone have it
    if step.stage:
        return None

    def kept_out(directory: str, names: list[str]) -> set[str]:
        below = Path(directory).relative_to(ROOT)
        return {name for name in names if not is_in_context((below / name).as_posix())}

    return kept_out
