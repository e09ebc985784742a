"""The migrations give what the models say."""

import pytest
from django.core.management import call_command

pytestmark = pytest.mark.django_db


def test_models_need_no_new_migration() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
