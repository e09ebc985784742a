"""A token's holder."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from rest_framework.test import APIClient


@pytest.fixture
def reader(db: None, django_user_model: Any) -> "User":
    """Somebody who may look at everything, and nothing else."""
    from tests.fakes.access import grant  # noqa: PLC0415 - models, once Django is set up

    user: User = django_user_model.objects.create(username="reader")
    grant(user)
    return user


@pytest.fixture
def client(reader: "User") -> "APIClient":
    """A client that sends a token of the reader, with every scope: what it may is up to the reader's roles."""
    from rest_framework.test import APIClient  # noqa: PLC0415 - models, once Django is set up

    from tests.fakes.access import token_of  # noqa: PLC0415 - likewise

    return APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(reader)}")


@pytest.fixture
def editor(client: "APIClient", reader: "User") -> "APIClient":
    """A client whose token may change everything."""
    from probes.models import RoleGrant  # noqa: PLC0415 - models, once Django is set up
    from probes.policy.access import Role  # noqa: PLC0415 - likewise

    RoleGrant.objects.filter(user=reader).update(role=Role.EDITOR)
    return client
