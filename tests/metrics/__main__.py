"""The reference of `/metrics`, made from the code: `python -m tests.metrics`, or `make metrics`."""

import argparse
import difflib
import sys
from pathlib import Path
from typing import Final

from tests.metrics.page import page

PROJECT: Final = Path(__file__).parents[2]
PAGE: Final = PROJECT / "docs/reference/metrics.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.metrics", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail where the page is out of date; do not write it")
    wanted = page()
    if not parser.parse_args().check:
        PAGE.write_text(wanted)
        return 0
    found = PAGE.read_text() if PAGE.exists() else ""
    name = PAGE.relative_to(PROJECT).as_posix()
    lines = list(difflib.unified_diff(found.splitlines(), wanted.splitlines(), name, "the code", "", "", 0, ""))
    if lines:
        print(*lines[:20], f"{name} is not what the code says: make metrics", sep="\n", file=sys.stderr)
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
