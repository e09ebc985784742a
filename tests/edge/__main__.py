"""Break what Kairos stands on, and see what comes of it: `python -m tests.edge [--full] [--write]`, or `make faults`.

Needs root: regions are network namespaces. The labs run side by side, each in a process of its own.
"""

import argparse
import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Final

import django

from tests.edge import network
from tests.edge.suite import FULL, LABS, SCALED, running

PR_SET_PDEATHSIG: Final = 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.edge", description=__doc__.partition("\n")[0])
    parser.add_argument("labs", nargs="*", metavar="LAB", help=f"of {', '.join(LABS)}; all unless named")
    parser.add_argument("--full", action="store_true", help="hold each fault for minutes, as an outage would")
    parser.add_argument("--write", action="store_true", help="write the figures to docs/reference/faults.md")
    parser.add_argument("--lab", choices=LABS, help=argparse.SUPPRESS)
    parser.add_argument("--result", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, _leave)
    os.environ["DJANGO_SETTINGS_MODULE"] = "kairos.settings"
    django.setup()
    if chosen.lab:
        return _run_one(chosen.lab, chosen.result, full=chosen.full)
    if unknown := set(chosen.labs) - set(LABS):
        parser.error(f"no such lab: {', '.join(sorted(unknown))}")
    if chosen.labs and chosen.write:
        parser.error("the page shows all labs: --write goes with no LAB")
    if why := network.missing():
        print(f"no lab on this machine: {why}", file=sys.stderr)
        return 1
    return _run_all(chosen.labs or list(LABS), full=chosen.full, write=chosen.write)


def _run_one(name: str, result: Path, *, full: bool) -> int:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)  # whoever wants the result may be killed
    reports = LABS[name](FULL if full else SCALED)
    result.write_text(json.dumps([report.to_json() for report in reports]), encoding="utf-8")
    return 0


def _run_all(names: list[str], *, full: bool, write: bool) -> int:
    from tests.edge import expectations, page  # noqa: PLC0415 - models, once Django is set up

    with running(names, full=full) as labs:
        reports = [report for lab in labs.values() for report in lab.reports()]
    print(page.table(reports))
    broken = [line for report in reports for line in expectations.broken(report)]
    print("\n".join(broken), file=sys.stderr)
    if write and not broken:
        page.write(reports)
    return int(bool(broken))


def _leave(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
