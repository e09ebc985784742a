"""A token's holder, and a control plane with something to tell."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pytest_django.fixtures import Settings

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from rest_framework.test import APIClient

    from tests.fakes.control_plane import ControlPlane


@pytest.fixture
def plane(db: None, settings: Settings, tmp_path: Path) -> "ControlPlane":
    from tests.fakes.control_plane import ControlPlane  # noqa: PLC0415 - models, once Django is set up

    settings.KAIROS_REGION_KEYS_DIR = tmp_path / "regions"
    return ControlPlane()


@pytest.fixture
def reader(db: None, django_user_model: Any) -> "User":
    """Somebody without any permission beyond being known."""
    user: User = django_user_model.objects.create(username="reader")
    return user


@pytest.fixture
def client(reader: "User") -> "APIClient":
    """A client that sends the reader's token."""
    from rest_framework.authtoken.models import Token  # noqa: PLC0415 - see above
    from rest_framework.test import APIClient  # noqa: PLC0415 - see above

    token = Token.objects.create(user=reader)
    return APIClient(HTTP_AUTHORIZATION=f"Token {token.key}")
