"""An administrator, and an onlooker."""

from typing import Any

import pytest
from django.test import Client


@pytest.fixture
def client(db: None, django_user_model: Any) -> Client:
    """A browser in which an administrator is logged in."""
    browser = Client()
    browser.force_login(
        django_user_model.objects.create(username="admin", is_staff=True, is_superuser=True, is_active=True)
    )
    return browser


@pytest.fixture
def onlooker(db: None, django_user_model: Any) -> Client:
    """A browser in which somebody is logged in who may see everything and change nothing."""
    from django.contrib.auth.models import Permission  # noqa: PLC0415 - models, once Django is set up

    user = django_user_model.objects.create(username="onlooker", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    browser = Client()
    browser.force_login(user)
    return browser
