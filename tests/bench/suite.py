"""The benchmarks by name. Each is a module with `measured()`, and runs in a process of its own."""

import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from typing import Final

from tests.bench.figures import Figure

BENCHMARKS: Final = (
    *("engine", "latency", "in_flight", "pipeline", "storage", "declared"),
    *("verdicts", "triggers", "rollup", "metrics", "api", "dashboard", "ten_regions", "live", "memory", "start"),
)


def run(name: str) -> list[Figure]:
    figures: list[Figure] = import_module(f"tests.bench.{name}").measured()
    return figures


def run_all(names: Iterable[str]) -> list[Figure]:
    figures: list[Figure] = []
    for name in names:
        print(f"\n== {name}", flush=True)
        began = time.monotonic()
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            figures += alone.submit(run, name).result()
        print(f"({time.monotonic() - began:.0f} s)")
    return figures
