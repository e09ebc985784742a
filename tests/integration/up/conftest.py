from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.up import Up, state_directory

REGIONS = "eu-west:Frankfurt,us-east"


@pytest.fixture
def state() -> Iterator[Path]:
    with state_directory() as path:
        yield path


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """Give one run, ready, to all tests of a module."""
    with state_directory() as path, Up(path, "--no-samples", "--regions", REGIONS) as run:
        run.wait_until_ready()
        yield run
