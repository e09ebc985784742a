"""`make unit` runs every example of the pure core, and none of them needs what the core may not know."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

PROJECT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = ("tests/unit/protocol", "tests/unit/policy")
COMMAND: Final = "pytest -c tests/unit/core.ini --rootdir ."
FOREIGN: Final = frozenset({"django", "rest_framework", "celery", "redis", "httpx", "hypothesis"})
# The names are taken at the end: what a test imports only once it runs counts as well.
PROGRAM: Final = """
import sys
import pytest
code = pytest.main(sys.argv[1:])
print("imported:", *{name.partition(".")[0] for name in sys.modules})
sys.exit(code)
"""


def run(*more: str) -> tuple[list[str], frozenset[str]]:
    """Run what `make unit` runs; return the lines that pytest prints, and what is foreign of what was imported."""
    _, *arguments = COMMAND.split()
    command = [sys.executable, "-c", PROGRAM, *arguments, "-p", "no:cacheprovider", *more]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    *lines, imported = done.stdout.splitlines()
    return lines, frozenset(imported.split()) & FOREIGN


def test_core_is_tested_whole_and_by_itself() -> None:
    lines, foreign = run()
    assert foreign == set()
    assert re.fullmatch(r"=+ [0-9]+ passed in .+", lines[-1]), "one was left out"
    files = {
        file.relative_to(PROJECT).as_posix() for folder in FOLDERS for file in PROJECT.glob(f"{folder}/**/test_*.py")
    }
    assert {line.split()[0] for line in lines if line.startswith("tests/")} == files


@pytest.mark.parametrize("name", ["django", "hypothesis"])
def test_import_of_what_is_foreign_to_the_core_is_caught(name: str, tmp_path: Path) -> None:
    planted = tmp_path / "test_planted.py"
    planted.write_text(f"def test_that_needs_more_than_it_should() -> None:\n    import {name}\n")
    _, foreign = run(str(planted))
    assert name in foreign


def test_make_unit_is_what_is_run_here() -> None:
    _, _, recipe = (PROJECT / "Makefile").read_text().partition("\nunit: ")
    assert recipe.splitlines()[1] == f"\t@$(PYTHON) -m {COMMAND} $(ARGS)"
