"""`manage.py make_keys`: the control plane's keys, for where they are to be kept before anything runs."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from kairos import keys


class Command(BaseCommand):
    help = (
        "Make those of the control plane's keys that are not there, each in a file of its own (0600), in "
        "KAIROS_STATE_DIR. It needs no database. Keep them: without them stored credentials cannot be read, and no "
        "region takes checks any more."
    )
    requires_system_checks = ()

    def handle(self, **_: Any) -> None:
        made = keys.make_missing(
            secret_key=settings.KAIROS_SECRET_KEY_FILE,
            fernet_keys=settings.KAIROS_FERNET_KEYS_FILE,
            control_key=settings.KAIROS_CONTROL_KEY_FILE,
        )
        for path in made:
            print(f"Made {path}")
