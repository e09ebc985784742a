"""`manage.py retire_region`: give regions up."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from probes.actions import regions
from probes.models import Region


class Command(BaseCommand):
    help = (
        "Give regions up: they get no checks, have no vote, and what their workers send is refused. What they found "
        "stays. `enroll_region` brings one back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slugs", nargs="+", metavar="slug")

    def handle(self, *, slugs: list[str], **_: Any) -> None:
        known = dict(Region.objects.filter(slug__in=slugs).values_list("slug", "pk"))
        if unknown := sorted(set(slugs) - set(known)):
            raise CommandError(f"no such region: {', '.join(unknown)}")
        count = regions.retire(known.values(), now=timezone.now())
        print(f"{count} retired, {len(known) - count} were already")
