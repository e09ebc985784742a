"""Several processes run the longest files first, and whole."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from tests.sharing_out import SECONDS, TOGETHER, WAITING, next_share, put_longest_first, share, waits

PROJECT: Final = Path(__file__).resolve().parents[2]


def test_what_is_listed_exists() -> None:
    missing = [place for place in (*SECONDS, *TOGETHER, *WAITING) if not (PROJECT / place).exists()]
    assert missing == []


def test_what_is_listed_is_what_is_handed_out() -> None:
    """A file of a folder that goes together would be looked up in vain."""
    assert [place for place in SECONDS if share(f"{place}/test_x.py" if place in TOGETHER else place) != place] == []


def test_longest_come_first_and_all_others_stay_in_their_order() -> None:
    longest, second = sorted(SECONDS, key=lambda place: -SECONDS[place])[:2]
    order = ["tests/b.py", second, "tests/a.py", longest, "tests/c.py"]
    items: list[Any] = [SimpleNamespace(nodeid=f"{file}::test_{number}") for file in order for number in (2, 1)]
    put_longest_first(items)
    files = [longest, second, "tests/b.py", "tests/a.py", "tests/c.py"]
    assert [item.nodeid for item in items] == [f"{file}::test_{number}" for file in files for number in (2, 1)]


def test_half_of_the_processes_run_what_waits_while_there_is_any() -> None:
    waiting, folder, computing = WAITING[1], WAITING[0], "tests/unit/test_a.py"
    left = [computing, folder, waiting]
    assert (waits(folder), waits(f"{folder}/test_a.py"), waits(f"{folder}_a.py"), waits(computing)) == (1, 1, 0, 0)
    assert next_share(left, others=[False, False, False]) == folder
    assert next_share(left, others=[True, False, False]) == folder
    assert next_share(left, others=[True, True, False]) == computing
    assert next_share(left, others=[]) == folder
    assert next_share([folder, waiting], others=[True, True, True]) == folder
    assert next_share([computing], others=[False]) == computing


def test_folder_with_a_server_of_its_own_is_run_by_one_process() -> None:
    folder = TOGETHER[0]
    assert {share(f"{folder}/test_a.py::test_x[a/b::c]"), share(f"{folder}/deep/test_b.py::T::test_y")} == {folder}
    assert share("tests/unit/test_a.py::TestIt::test_x") == "tests/unit/test_a.py"


def test_tests_are_listed_as_well_where_they_would_be_shared_out() -> None:
    """`make test ARGS="--collect-only"`: pytest-xdist starts no other process, so this one has to know it all."""
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "--collect-only", __file__],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "test_what_is_listed_exists" in listed.stdout
