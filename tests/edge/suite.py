"""Labs side by side, each in a process of its own, and the reports that they write."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.edge import network
from tests.edge.report import Report

PROJECT: Final = Path(__file__).resolve().parents[2]
STOP_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """For how many seconds each fault holds, and how long it is watched afterwards."""

    region: float
    broker: float
    postgres: float
    control_worker: float
    control_plane: float
    after: float

    @property
    def held(self) -> Mapping[str, float]:
        broker = dict.fromkeys(("broker-restarted", "broker-emptied", "broker-moved"), self.broker)
        return {
            **broker,
            "postgres-down": self.postgres,
            "control-worker-down": self.control_worker,
            "control-plane-down": self.control_plane,
        }


# Afterwards: two intervals, within which all must be well again, and one more to see that it is.
SCALED: Final = Lengths(region=80, broker=12, postgres=15, control_worker=15, control_plane=20, after=48)
FULL: Final = Lengths(region=300, broker=60, postgres=60, control_worker=60, control_plane=600, after=90)


def _regions(lengths: Lengths) -> Sequence[Report]:
    from tests.edge import region_faults  # noqa: PLC0415 - models, once Django is set up

    return region_faults.reports(lengths.region, lengths.after)


def _broker(lengths: Lengths) -> Sequence[Report]:
    from tests.edge import central_faults  # noqa: PLC0415 - likewise

    return central_faults.reports(central_faults.BROKER, lengths.held, lengths.after)


def _control(lengths: Lengths) -> Sequence[Report]:
    from tests.edge import central_faults  # noqa: PLC0415 - likewise

    return central_faults.reports(central_faults.CONTROL, lengths.held, lengths.after)


LABS: Final[Mapping[str, Callable[[Lengths], Sequence[Report]]]] = {
    "regions": _regions,
    "broker": _broker,
    "control": _control,
}


class LabFailed(Exception):
    """A lab came to no report; the message is what it said last."""


@dataclass(frozen=True, slots=True)
class Running:
    """A lab at work; `output` is its log, `result` where its reports will be."""

    name: str
    process: subprocess.Popen[bytes]
    output: Path
    result: Path

    def reports(self) -> list[Report]:
        """Wait for its end, and return what it found. Raises `LabFailed`."""
        if self.process.wait() != 0:
            raise LabFailed(f"{self.name}:\n{self.output.read_text(encoding='utf-8', errors='replace')[-20_000:]}")
        return [Report.from_json(item) for item in json.loads(self.result.read_text(encoding="utf-8"))]


@contextmanager
def running(names: Iterable[str], *, full: bool) -> Iterator[Mapping[str, Running]]:
    """Run labs at the same time. Whatever happens, none is left when the block ends, nor anything of its network."""
    with tempfile.TemporaryDirectory(prefix="kairos-labs-") as directory:
        labs: dict[str, Running] = {}
        try:
            for name in names:
                labs[name] = _start(name, Path(directory), full=full)
            yield labs
        finally:
            for lab in labs.values():
                lab.process.terminate()
            for lab in labs.values():
                try:
                    lab.process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    lab.process.kill()
                    lab.process.wait()
            network.remove_remains()


def _start(name: str, directory: Path, *, full: bool) -> Running:
    output, result = directory / f"{name}.log", directory / f"{name}.json"
    argv = [sys.executable, "-m", "tests.edge", "--lab", name, "--result", str(result), *(["--full"] if full else [])]
    with output.open("wb") as log:
        process = subprocess.Popen(
            argv, cwd=PROJECT, env=_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
    return Running(name, process, output, result)


def _environment() -> dict[str, str]:
    """Return ours without what names the servers and settings of a test session."""
    ours = ("DATABASE_URL", "BROKER_URL", "DJANGO_SETTINGS_MODULE")
    return {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("KAIROS_")}
