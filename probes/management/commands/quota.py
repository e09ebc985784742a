"""`manage.py quota`: what registries let us have, what we took of it, and what monitoring costs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from probes.management.ledger import lines


class Command(BaseCommand):
    help = (
        "Show each account of a registry: its limit and what is left of it, what checks took of our share within the "
        "limit's window and how many were lowered to a resolve or put off in it, and what checks cost in all."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=1, help="costs of so many days, today included (default 1)")

    def handle(self, *, days: int, **_: Any) -> None:
        for line in lines(days=max(days, 1), now=timezone.now()):
            print(line)
