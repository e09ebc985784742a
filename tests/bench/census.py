"""What programs took: CPU time, each with everything that it has started, and memory; and the rest of the machine."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_BUSY: Final = ("user", "nice", "system", "irq", "softirq", "steal")


@dataclass(frozen=True, slots=True)
class Census:
    """One reading: CPU seconds so far, of each program and of the whole machine."""

    programs: Mapping[str, float]
    machine: float

    @classmethod
    def of(cls, pids: Mapping[str, int]) -> "Census":
        times = psutil.cpu_times()
        machine = sum(getattr(times, name, 0.0) for name in _BUSY)
        return cls({name: _cpu_seconds(psutil.Process(pid)) for name, pid in pids.items()}, machine)

    def since(self, before: "Census") -> "Census":
        """Return what was used between two readings."""
        used = {name: seconds - before.programs[name] for name, seconds in self.programs.items()}
        return Census(used, self.machine - before.machine)

    @property
    def total(self) -> float:
        return sum(self.programs.values())


def _cpu_seconds(program: psutil.Process) -> float:
    """Return the CPU seconds of a program and its descendants, those that have ended included."""
    seconds = 0.0
    for process in (program, *program.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def most_mib(pid: int) -> float:
    """Return the most memory that a process ever had resident, in MiB; what it shares with others counts as well."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (most,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(most) / 1024
