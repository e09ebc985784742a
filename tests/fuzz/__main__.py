"""Fuzz everything that reads what strangers wrote: `python -m tests.fuzz [SECONDS]`, or `make fuzz SECONDS=600`.

Two parts share the seconds: the API of a real server, and all parsers, each for as long as the others. The first
finding of a parser ends the run with status 1, and says how to see it again; so do those of the API, after its time.
"""

import argparse
import sys
import time
import traceback
from typing import Final

from tests.fuzz.campaign import Finding, run, tried, unpacked, until
from tests.fuzz.parsers import PARSERS

API: Final = "api"
API_SHARE: Final = 0.7
"""Of the seconds. Some of them go into setting a server up, from nothing."""

LEAST_SECONDS: Final = 15.0
"""So long it is asked, however long it took to set it up: beside all tests that alone may outlast a short run."""

LONG_SECONDS: Final = 300.0
"""So long a run of the API tries each limit of each field besides, and begins where chance has it. A shorter one
would end in the middle of that; it asks the same each time."""


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    options.add_argument("seconds", nargs="?", type=float, default=60, help="for all together; default 60")
    options.add_argument(
        "--only", choices=[*PARSERS, API], action="append", help="this parser, or the API; repeatable"
    )
    options.add_argument("--seed", type=int, help="of chance, to repeat a run")
    options.add_argument("--again", nargs=2, metavar=("PARSER", "INPUT"), help="try one input")
    chosen = options.parse_args()
    try:
        if chosen.again:
            name, data = chosen.again
            print(f"{name}: taken as {tried(PARSERS[name], unpacked(data))}")
            return 0
        names = chosen.only or [*PARSERS, API]
        parsers = [name for name in names if name in PARSERS]
        asking_seconds = 0.0 if API not in names else chosen.seconds * (API_SHARE if parsers else 1)
        seed = time.time_ns() if chosen.seed is None else chosen.seed
        print(f"{len(parsers)} parsers, {chosen.seconds - asking_seconds:g} s, seed {seed}")
        for name in parsers:
            parser_seconds = (chosen.seconds - asking_seconds) / len(parsers)
            tally = run(PARSERS[name], seed=seed, goes_on=until(parser_seconds))
            print(f"{name:>12}: {tally.inputs:8} inputs, {tally.shapes:4} ways in which they were taken", flush=True)
        if asking_seconds:
            is_long = asking_seconds >= LONG_SECONDS
            return ask(asking_seconds, seed=seed if is_long or chosen.seed is not None else 1, thorough=is_long)
    except Finding as finding:
        traceback.print_exception(finding.__cause__)
        print(f"\n{finding}\n\nSee it again:\n\n    {finding.command}\n", file=sys.stderr)
        return 1
    return 0


def ask(seconds: float, *, seed: int, thorough: bool) -> int:
    """Fuzz the API for so long, the time to set up a server included, and for `LEAST_SECONDS` in any case.

    Returns the status to end with.
    """
    from tests.fuzz import api, stage  # noqa: PLC0415 - libraries and a server, which parsers do without

    began = time.monotonic()
    with stage.running() as server:
        laid = time.monotonic() - began
        left = max(seconds - laid, LEAST_SECONDS)
        print(f"the API, {left:.0f} s after {laid:.0f} s to set it up, seed {seed}", flush=True)
        tally = api.Tally()
        found: dict[tuple[str, str], api.Fault] = {}
        for fault in api.faults(server, tally, seconds=left, seed=seed, thorough=thorough):
            found.setdefault((fault.operation, fault.check), fault)
        print(f"{API:>12}: {tally.requests:8} requests, {len(tally.answers):4} kinds of answers")
        for fault in found.values():
            print(f"\n{fault}", file=sys.stderr)
        if found:
            said = [line for line in server.log.read_text().splitlines() if "django.request: " not in line]
            print("\nWhat the server says last:", *said[-200:], sep="\n", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
