"""`manage.py enroll_region`: give a region its keys."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from probes.actions import regions
from probes.trust.keys import KeyFileError


class Command(BaseCommand):
    help = (
        "Make a region's keys, keep the public ones, and write what its worker needs to a 0600 file under the state "
        "directory. Running it again keeps the keys and writes the file anew."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the end of the region's queue, probe.<slug>; it never changes")
        parser.add_argument("--name", default="", help="what people read; the slug by default")
        parser.add_argument(
            "--new-keys", action="store_true", help="make new keys; a worker with the old ones is shut out"
        )

    def handle(self, *, slug: str, name: str, new_keys: bool, **_: Any) -> None:
        try:
            region, path = regions.enroll(slug, name, new_keys=new_keys)
        except ValidationError as error:
            raise CommandError(f"region {slug}: {' '.join(error.messages)}") from None
        except KeyFileError as error:
            raise CommandError(str(error)) from None
        print(f"{region.slug} ({region.name}): KAIROS_REGION_KEY_FILE={path}")
