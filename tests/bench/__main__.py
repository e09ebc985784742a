"""Measure Kairos on this machine: `python -m tests.bench [NAME ...]`, or `make bench`.

Each benchmark runs in a process of its own. Only loopback addresses are loaded. The exit status is 1 when a figure
misses its bar.
"""

import argparse
import sys

from tests.bench import machine
from tests.bench.figures import table
from tests.bench.suite import BENCHMARKS, run_all


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all unless named")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    print(machine.description())
    figures = run_all(chosen.names or BENCHMARKS)
    print(f"\n{table(figures)}")
    return int(any(figure.passed is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
