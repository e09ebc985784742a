"""Fuzz everything that reads what strangers wrote: `python -m tests.fuzz [SECONDS]`, or `make fuzz SECONDS=600`.

The seconds are shared by all parsers. The first finding ends the run with status 1, and says how to see it again.
"""

import argparse
import sys
import time
import traceback

from tests.fuzz.campaign import Finding, run, tried, unpacked, until
from tests.fuzz.parsers import PARSERS


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    options.add_argument("seconds", nargs="?", type=float, default=60, help="for all parsers together; default 60")
    options.add_argument("--only", choices=PARSERS, action="append", help="this parser; repeatable")
    options.add_argument("--seed", type=int, default=time.time_ns(), help="of chance, to repeat a run")
    options.add_argument("--again", nargs=2, metavar=("PARSER", "INPUT"), help="try one input")
    chosen = options.parse_args()
    try:
        if chosen.again:
            name, data = chosen.again
            print(f"{name}: taken as {tried(PARSERS[name], unpacked(data))}")
            return 0
        names = chosen.only or list(PARSERS)
        print(f"{len(names)} parsers, {chosen.seconds:g} s, seed {chosen.seed}")
        for name in names:
            tally = run(PARSERS[name], seed=chosen.seed, goes_on=until(chosen.seconds / len(names)))
            print(f"{name:>12}: {tally.inputs:8} inputs, {tally.shapes:4} ways in which they were taken", flush=True)
    except Finding as finding:
        traceback.print_exception(finding.__cause__)
        print(f"\n{finding}\n\nSee it again:\n\n    {finding.command}\n", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
