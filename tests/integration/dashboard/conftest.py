"""A control plane with something to show, and somebody who looks at its pages."""

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
def plane(plane: "ControlPlane") -> "ControlPlane":
    """Three regions that were heard just now, beat alive; its clock is a minute behind: the next check is now."""
    plane.hear_all()
    return plane
