"""What a region's worker costs before it has anything to do: time from its start to its first batch, memory at rest.

    python -m tests.bench start

The worker is the real program in an environment made of requirements-edge.txt alone, as in its image: other
packages beside it would be imported where they are found. A batch waits for it at a real Redis. It counts as ready
when the report of that batch is there: nothing else proves that it has begun to take batches. The batch asks for
nothing of the network.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import psutil

from probes.trust.keys import ControlKeys, RegionKeys
from tests.bench.figures import Figure, at_most
from tests.fakes.redis_server import MortalRedis
from tests.integration.edge.region import REGION, ROOT, EdgeProcess, Region

BAR_SECONDS: Final = 1.0
BAR_MIB: Final = 60
STARTS: Final = 7
REST_SECONDS: Final = 15.0
PATIENCE_SECONDS: Final = 60.0
_MIB: Final = 1024 * 1024


def measured() -> list[Figure]:
    """Run it. Takes about a minute, most of it for the installation."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        python = installed(directory / "venv")
        control = ControlKeys.generate()
        keys = RegionKeys.generate(REGION, control.verify_key)
        keys.save(directory / "region-key.json")
        with MortalRedis(directory / "redis") as server:
            region = Region(server, control, keys, directory / "region-key.json")
            # The first start finds the code on disk, as the first one after an installation does.
            started = [start(region, python, directory / "edge.log") for _ in range(STARTS + 1)][1:]
            resting_mib = at_rest(region, python, directory / "edge.log")
    seconds, cpu_seconds = zip(*started, strict=True)
    print(f"{STARTS} starts: {', '.join(f'{item:.2f}' for item in seconds)} s")
    print(f"CPU of a start, to the first report: {statistics.median(cpu_seconds):.2f} s")
    return [
        at_most("an edge worker from its start to its first report", statistics.median(seconds), BAR_SECONDS, "s"),
        at_most("memory of an edge worker at rest", resting_mib, BAR_MIB, "MiB"),
    ]


def installed(venv: Path) -> Path:
    """Make an environment of requirements-edge.txt, as the Dockerfile does; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python = venv / "bin" / "python"
    install = ("install", "--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes")
    requirements = ("-r", str(ROOT / "requirements-edge.txt"))
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *install, *requirements], check=True)
    return python


def start(region: Region, python: Path, log: Path) -> tuple[float, float]:
    """Start a worker beside a batch that waits; return how long the report took, and the CPU time until then."""
    reports = len(region.reports())
    region.send(region.envelope(region.batch("not a reference")))
    began = time.monotonic()
    worker = EdgeProcess(region, log, module="probes.edge", python=str(python), KAIROS_EDGE_HEARTBEAT_SECONDS="10")
    try:
        while len(region.reports()) == reports:
            assert worker.process.poll() is None, worker.log
            assert time.monotonic() - began < PATIENCE_SECONDS, worker.log
            time.sleep(0.005)
        seconds = time.monotonic() - began
        times = psutil.Process(worker.process.pid).cpu_times()
        return seconds, times.user + times.system
    finally:
        worker.kill()


def at_rest(region: Region, python: Path, log: Path) -> float:
    """Return the resident MiB of a worker that has had nothing to do for a while."""
    worker = EdgeProcess(region, log, module="probes.edge", python=str(python), KAIROS_EDGE_HEARTBEAT_SECONDS="10")
    try:
        time.sleep(REST_SECONDS)
        return float(psutil.Process(worker.process.pid).memory_info().rss) / _MIB
    finally:
        worker.kill()
