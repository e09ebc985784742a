"""A control plane with something to show, and somebody who looks at its pages."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_django.fixtures import Settings

if TYPE_CHECKING:
    from tests.fakes.control_plane import ControlPlane


@pytest.fixture(autouse=True)
def _public(settings: Settings) -> None:
    """As on one machine, whatever the environment of the tests says."""
    settings.KAIROS_PUBLIC_DASHBOARD = True


@pytest.fixture
def plane(db: None, settings: Settings, tmp_path: Path) -> "ControlPlane":
    """Three regions that were heard just now, beat alive; its clock is a minute behind: the next check is now."""
    from probes.actions import beat  # noqa: PLC0415 - models, once Django is set up
    from tests.fakes.control_plane import ControlPlane  # noqa: PLC0415 - likewise

    settings.KAIROS_REGION_KEYS_DIR = tmp_path / "regions"
    plane = ControlPlane()
    now = datetime.now(UTC)
    beat.stamp(now)
    for region in plane.regions.values():
        region.row.last_seen_at = now
        region.row.save(update_fields=["last_seen_at"])
    plane.now = now.replace(microsecond=0) - timedelta(minutes=1)
    return plane
