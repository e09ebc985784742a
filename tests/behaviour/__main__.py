"""Which row of the behaviour table is shown by which test: `python -m tests.behaviour`, or `make behaviour`."""

import argparse
import difflib
import sys
from typing import Final

from tests.behaviour.page import page
from tests.behaviour.report import PROJECT, Coverage

PAGE: Final = PROJECT / "docs/reference/registry-behaviour.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.behaviour", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="fail where a row has no test, or the page is out of date")
    what.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(PROJECT)}")
    arguments = parser.parse_args()
    coverage = Coverage.of_project()
    if arguments.check:
        problems = [*coverage.problems(), *_differences(page(coverage))]
        print(*(problems or [coverage.summary()]), sep="\n", file=sys.stderr if problems else sys.stdout)
        return int(bool(problems))
    if arguments.write:
        PAGE.write_text(page(coverage))
    print(*coverage.lines(), sep="\n")
    return 0


def _differences(wanted: str) -> list[str]:
    found = PAGE.read_text() if PAGE.exists() else ""
    name = PAGE.relative_to(PROJECT).as_posix()
    lines = list(
        difflib.unified_diff(found.splitlines(), wanted.splitlines(), name, "the table and the tests", "", "", 0, "")
    )
    return [*lines[:20], f"{name} is not what the table, the code and the tests say: make behaviour"] if lines else []


if __name__ == "__main__":
    sys.exit(main())
