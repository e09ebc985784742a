"""`manage.py up` with a region that was given up and is still among those that it is to run."""

import subprocess
import sys
from pathlib import Path

import psutil

from tests.fakes.up import PROJECT, Up, bare_environment


def region(up: Up, *words: str) -> None:
    """Run `manage.py region` beside the run, as in another terminal."""
    done = subprocess.run(
        [sys.executable, "manage.py", "region", *words],
        cwd=PROJECT,
        env=bare_environment({"KAIROS_STATE_DIR": str(up.state)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def workers(up: Up) -> set[str]:
    environments = (process.environ() for process in psutil.Process(up.process.pid).children())
    return {environment["KAIROS_REGION"] for environment in environments if "KAIROS_REGION" in environment}


def test_retired_region_gets_no_worker_until_it_is_brought_back(migrated: Path) -> None:
    arguments = ("--no-samples", "--regions", "eu-west,us-east")
    with Up(migrated, *arguments) as up:
        up.wait_until_ready()
        region(up, "retire", "eu-west")
    with Up(migrated, *arguments) as up:
        up.wait_until_ready()
        assert "region eu-west was retired, and stays so" in up.output
        assert "regions     us-east\n" in up.output
        assert workers(up) == {"us-east"}
        region(up, "enroll", "eu-west", "--here")
    with Up(migrated, *arguments) as up:
        up.wait_until_ready()
        assert workers(up) == {"eu-west", "us-east"}
