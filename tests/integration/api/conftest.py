"""A token's holder."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from rest_framework.test import APIClient


@pytest.fixture
def reader(db: None, django_user_model: Any) -> "User":
    """Somebody without any permission beyond being known."""
    user: User = django_user_model.objects.create(username="reader")
    return user


@pytest.fixture
def client(reader: "User") -> "APIClient":
    """A client that sends the reader's token."""
    from rest_framework.authtoken.models import Token  # noqa: PLC0415 - models, once Django is set up
    from rest_framework.test import APIClient  # noqa: PLC0415 - likewise

    token = Token.objects.create(user=reader)
    return APIClient(HTTP_AUTHORIZATION=f"Token {token.key}")
