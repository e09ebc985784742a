"""`manage.py simulate`: what it prints and how it ends, and that it leaves alone what is somebody's."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import psycopg
import pytest
from django.core.management import CommandError, call_command

ROOT: Final = Path(__file__).parents[3]
SHORT: Final = """\
title: Short
starts: 2026-03-02 08:00
lasts: 3m
pace: {reap: 1m, scopes: 1m, notices: 1m}
regions: [eu-west]
resources: [{image: "ghcr.io/shop/cart:1", every: 30s}]
script: [{at: 30s, finds: tag_not_found}]
"""


@pytest.fixture
def short(tmp_path: Path) -> Path:
    path = tmp_path / "short.yaml"
    path.write_text(SHORT)
    return path


@pytest.mark.slow
def test_simulate_leaves_the_operators_server_as_it_was(postgres_url: str, short: Path) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as operator:
        operator.execute("CREATE TABLE IF NOT EXISTS of_the_operator (id int)")
        before = _shape(operator)
        done = subprocess.run(
            [sys.executable, "manage.py", "simulate", str(short)],
            cwd=ROOT,
            env=os.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert _shape(operator) == before
    assert "ghcr.io/shop/cart:1  available → unavailable" in done.stdout
    assert "incidents: 1" in done.stdout
    assert done.stdout.rstrip().endswith("nothing was expected")


@pytest.mark.slow
def test_simulate_fails_where_it_is_not_as_expected(
    scratch_database: str, short: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short.write_text(f"{SHORT}expect: {{incidents: []}}\n")
    with pytest.raises(CommandError, match=r"^not as expected: short$") as failed:
        call_command("simulate", str(short), "--json")
    assert failed.value.returncode == 1
    document = json.loads(capsys.readouterr().out)
    assert document["incidents"][0]["of"] == "ghcr.io/shop/cart:1"
    assert document["differs"][0] == "--- incidents expected"


@pytest.mark.slow
def test_simulate_prints_an_expectation_that_is_met(
    scratch_database: str, short: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("simulate", str(short), "--expectation")
    short.write_text(SHORT + capsys.readouterr().out)
    call_command("simulate", str(short))
    assert capsys.readouterr().out.rstrip().endswith("\nas expected")


def test_simulate_says_where_a_scenario_is_wrong(short: Path) -> None:
    short.write_text(SHORT.replace("finds", "find"))
    with pytest.raises(CommandError, match=r"line 7, script\.1: say what happens") as failed:
        call_command("simulate", str(short))
    assert failed.value.returncode == 2


def test_simulate_says_that_there_is_no_such_file() -> None:
    with pytest.raises(CommandError, match=r"^nowhere: No such file or directory$") as failed:
        call_command("simulate", "nowhere")
    assert failed.value.returncode == 2


def _shape(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    """Return the databases of the server, and the tables of this one with what was written to them."""
    return [
        *connection.execute("SELECT datname FROM pg_database ORDER BY datname").fetchall(),
        *connection.execute(
            "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables ORDER BY relname"
        ).fetchall(),
    ]
