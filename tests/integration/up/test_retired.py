"""`manage.py up` with a region that was given up and is still among those that it is to run."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import psutil
import pytest

from kairos.embedded import free_port
from kairos.embedded.postgres import PostgresServer
from tests.fakes.up import PROJECT, Up, bare_environment
from tests.servers import PASSWORD, running

REGIONS: Final = "eu-west,us-east"


def manage(state: Path, *words: str, **environment: str) -> None:
    """Run a command on a state directory, beside a run or without one."""
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=PROJECT,
        env=bare_environment({"KAIROS_STATE_DIR": str(state), **environment}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def workers(up: Up) -> set[str]:
    environments = (process.environ() for process in psutil.Process(up.process.pid).children())
    return {environment["KAIROS_REGION"] for environment in environments if "KAIROS_REGION" in environment}


@pytest.fixture
def retired(migrated: Path) -> Path:
    """Give a state directory in which both regions were enrolled, and one of them was given up."""
    server = PostgresServer.at(migrated, port=free_port(), password=PASSWORD, durable=False)
    with running(server.child(), is_ready=server.is_ready):
        manage(migrated, "prepare", DATABASE_URL=server.url, KAIROS_REGIONS=REGIONS)
        manage(migrated, "region", "retire", "eu-west", DATABASE_URL=server.url)
    return migrated


def test_retired_region_gets_no_worker_until_it_is_brought_back(retired: Path) -> None:
    arguments = ("--no-samples", "--regions", REGIONS)
    with Up(retired, *arguments) as up:
        up.wait_until_ready()
        assert "region eu-west was retired, and stays so" in up.output
        assert "regions     us-east\n" in up.output
        assert workers(up) == {"us-east"}
        manage(retired, "region", "enroll", "eu-west", "--here")
    with Up(retired, *arguments) as up:
        up.wait_until_ready()
        assert workers(up) == {"eu-west", "us-east"}
