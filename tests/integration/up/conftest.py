from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.up import Up, migrated_state, state_directory

REGIONS = "eu-west:Frankfurt,us-east"


@pytest.fixture
def state() -> Iterator[Path]:
    with state_directory() as path:
        yield path


@pytest.fixture
def migrated() -> Iterator[Path]:
    """Give a state directory with which a start takes half the time of a first one."""
    with migrated_state() as path:
        yield path


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """Give one run, ready, to all tests of a module."""
    with migrated_state() as path, Up(path, "--no-samples", "--regions", REGIONS) as run:
        run.wait_until_ready()
        yield run
