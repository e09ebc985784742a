"""A control plane with something to show, and somebody who looks at its pages."""

from typing import TYPE_CHECKING

import pytest
from pytest_django.fixtures import Settings

if TYPE_CHECKING:
    from probes.models import ResourceGroup, StatusPage
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


@pytest.fixture
def group(db: None) -> "ResourceGroup":
    """One that is called `Payments` on the status page."""
    from probes.models import ResourceGroup  # noqa: PLC0415 - models, once Django is set up

    return ResourceGroup.objects.create(name="inner-payments-team")


@pytest.fixture
def page(group: "ResourceGroup") -> "StatusPage":
    """A status page for everybody, with the one group: `/status/registry-status/`."""
    from probes.models import StatusGroup, StatusPage  # noqa: PLC0415 - likewise

    page = StatusPage.objects.create(title="Registry status", visibility="public")
    StatusGroup.objects.create(page=page, group=group, public_name="Payments", visibility="public")
    return page
