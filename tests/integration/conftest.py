"""What several faces are shown: a control plane with regions around it."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_django.fixtures import Settings

if TYPE_CHECKING:
    from tests.fakes.control_plane import ControlPlane


@pytest.fixture
def plane(db: None, settings: Settings, tmp_path: Path) -> "ControlPlane":
    """Three regions that have not been heard yet."""
    from tests.fakes.control_plane import ControlPlane  # noqa: PLC0415 - models, once Django is set up

    settings.KAIROS_REGION_KEYS_DIR = tmp_path / "regions"
    return ControlPlane()
