"""`manage.py simulate`, in a process of its own, beside a database of somebody's."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import psycopg
import pytest

ROOT: Final = Path(__file__).parents[3]
SHORT: Final = """\
title: Short
starts: 2026-03-02 08:00
lasts: 6m
regions: [eu-west]
resources: [{image: "ghcr.io/shop/cart:1", every: 1m}]
script: [{at: 1m, finds: tag_not_found}]
"""


def simulate(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "simulate", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def short(tmp_path: Path) -> Path:
    path = tmp_path / "short.yaml"
    path.write_text(SHORT)
    return path


@pytest.mark.slow
def test_simulate_prints_what_happened_and_what_was_told(postgres_url: str, short: Path) -> None:
    done = simulate(str(short))
    assert done.returncode == 0, done.stderr
    assert "ghcr.io/shop/cart:1  available → unavailable" in done.stdout
    assert "incidents: 1" in done.stdout
    assert done.stdout.rstrip().endswith("nothing was expected")


@pytest.mark.slow
def test_simulate_fails_where_it_is_not_as_expected(postgres_url: str, short: Path) -> None:
    short.write_text(f"{SHORT}expect: {{incidents: []}}\n")
    done = simulate(str(short), "--json")
    assert done.returncode == 1
    assert done.stderr == "CommandError: not as expected: short\n"
    document = json.loads(done.stdout)
    assert document["incidents"][0]["of"] == "ghcr.io/shop/cart:1"
    assert document["differs"][0] == "--- incidents expected"


@pytest.mark.slow
def test_simulate_prints_an_expectation_that_is_met(postgres_url: str, short: Path) -> None:
    expectation = simulate(str(short), "--expectation").stdout
    short.write_text(SHORT + expectation)
    assert simulate(str(short)).stdout.rstrip().endswith("\nas expected")


@pytest.mark.slow
def test_simulate_leaves_the_operators_server_as_it_was(postgres_url: str, short: Path) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as operator:
        operator.execute("CREATE TABLE IF NOT EXISTS of_the_operator (id int)")
        before = _shape(operator)
        assert simulate(str(short)).returncode == 0
        assert _shape(operator) == before


def test_simulate_says_where_a_scenario_is_wrong(short: Path) -> None:
    short.write_text(SHORT.replace("finds", "find"))
    done = simulate(str(short))
    assert done.returncode == 2
    assert "line 6, script.1: say what happens" in done.stderr


def test_simulate_says_that_there_is_no_such_file() -> None:
    done = simulate("nowhere")
    assert (done.returncode, done.stderr) == (2, "CommandError: nowhere: No such file or directory\n")


def _shape(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    """Return the databases of the server, and the tables of this one with what was written to them."""
    return [
        *connection.execute("SELECT datname FROM pg_database ORDER BY datname").fetchall(),
        *connection.execute(
            "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables ORDER BY relname"
        ).fetchall(),
    ]
