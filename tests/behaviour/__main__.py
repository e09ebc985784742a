"""Which row of the behaviour table is shown by which test: `python -m tests.behaviour`, or `make behaviour`."""

import argparse
import difflib
import sys
from pathlib import Path
from typing import Final

from tests.behaviour.page import endpoint_page, page
from tests.behaviour.report import PROJECT, Coverage

PAGE: Final = PROJECT / "docs/reference/registry-behaviour.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.behaviour", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="fail where a row has no test, or a page is out of date")
    what.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(PROJECT)} and its neighbour")
    arguments = parser.parse_args()
    coverage = Coverage.of_project()
    pages = {PAGE: page(coverage)}
    if coverage.endpoints:
        pages[PAGE.with_name("endpoint-behaviour.md")] = endpoint_page(coverage)
    if arguments.check:
        differences = (line for path, wanted in pages.items() for line in _differences(path, wanted))
        problems = [*coverage.problems(), *differences]
        print(*(problems or [coverage.summary()]), sep="\n", file=sys.stderr if problems else sys.stdout)
        return int(bool(problems))
    if arguments.write:
        for path, wanted in pages.items():
            path.write_text(wanted)
    print(*coverage.lines(), sep="\n")
    return 0


def _differences(path: Path, wanted: str) -> list[str]:
    found = path.read_text() if path.exists() else ""
    name = path.relative_to(PROJECT).as_posix()
    lines = list(
        difflib.unified_diff(found.splitlines(), wanted.splitlines(), name, "the table and the tests", "", "", 0, "")
    )
    return [*lines[:20], f"{name} is not what the table, the code and the tests say: make behaviour"] if lines else []


if __name__ == "__main__":
    sys.exit(main())
