"""`manage.py discover`: find what there is to watch. Needs no database, but for a stored credential."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from probes.discovery import arguments, command


class Command(BaseCommand):
    """Hand over to discovery's own command line."""

    help = arguments.SUMMARY
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name,
            subcommand,
            epilog=arguments.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **kwargs,
        )

    def add_arguments(self, parser: CommandParser) -> None:
        arguments.add_arguments(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        streams = command.Streams(stdin=sys.stdin.buffer, stdout=self.stdout, stderr=self.stderr)
        try:
            status = command.run(options, streams)
        except command.UsageRefused as error:
            raise CommandError(str(error), returncode=command.EXIT_USAGE) from None
        if status:
            sys.exit(status)
