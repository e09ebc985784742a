"""`manage.py load_demo`: add the demonstration's registries and images, or let them rest."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from kairos.demo import setup
from kairos.demo.sites import DEFAULT_PORT


class Command(BaseCommand):
    help = (
        "Add the registries, credentials and images of the demonstration, as often as one likes. "
        "`manage.py up --demo` runs it, and the registry that they are checked against."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--state-dir",
            type=Path,
            default=settings.KAIROS_STATE_DIR / "demo",
            metavar="DIR",
            help="where the demonstration registry keeps its CA and password",
        )
        parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="where it listens")
        parser.add_argument(
            "--pause", action="store_true", help="pause the images instead: the registry does not run"
        )

    def handle(self, *, state_dir: Path, port: int, pause: bool, **_: Any) -> None:
        now = timezone.now()
        if pause:
            if paused := setup.pause(now=now):
                print(f"{paused} images of the demonstration rest until it runs again")
            return
        try:
            count = setup.install(state_dir, port, now=now)
        except (OSError, ValueError, ValidationError) as error:
            raise CommandError(f"the demonstration cannot be loaded: {error}") from None
        print(f"{count} images of the demonstration are checked")
