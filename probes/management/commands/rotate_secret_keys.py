"""`manage.py rotate_secret_keys`: encrypt every stored secret with the newest key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from probes.actions import secrets


class Command(BaseCommand):
    help = (
        "Encrypt every registry secret with the first key of KAIROS_FERNET_KEYS_FILE. After it has run, and every "
        "process has been restarted or the file been read again, the keys below the first can be taken out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--new-key", action="store_true", help="first make a key and put it before the others")

    def handle(self, *, new_key: bool, **_: Any) -> None:
        try:
            if new_key:
                secrets.make_key()
            count, unreadable = secrets.reencrypt_secrets()
        except secrets.SecretUnreadable as error:
            raise CommandError(str(error)) from None
        print(f"{count} secrets encrypted with the first key")
        if unreadable:
            raise CommandError("no key opens the secrets of these; store them again: " + "; ".join(unreadable))
