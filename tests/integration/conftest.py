"""What several folders test with: an engine; and a control plane with regions around it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_django.fixtures import Settings

from probes.wire.driver import Engine

if TYPE_CHECKING:
    from tests.fakes.control_plane import ControlPlane


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with Engine(user_agent="kairos-test") as engine:
        yield engine


@pytest.fixture
def plane(db: None, settings: Settings, tmp_path: Path) -> "ControlPlane":
    """Three regions that have not been heard yet."""
    from tests.fakes.control_plane import ControlPlane  # noqa: PLC0415 - models, once Django is set up

    settings.KAIROS_REGION_KEYS_DIR = tmp_path / "regions"
    return ControlPlane()
