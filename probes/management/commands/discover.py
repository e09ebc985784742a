"""`manage.py discover`: find what there is to watch. Needs no database, but for a stored credential."""

import argparse
import sys
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from probes.actions import secrets
from probes.discovery import arguments, command
from probes.discovery.login import Login
from probes.models import Credential


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
        parser.add_argument(
            "--credential",
            type=arguments.slug,
            metavar="SLUG",
            help="a stored credential for --from-registry, with the settings of its registry",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        streams = command.Streams(stdin=sys.stdin.buffer, stdout=self.stdout, stderr=self.stderr)
        try:
            status = command.run(options, streams, _stored(options["credential"], options["from_registry"]))
        except command.UsageRefused as error:
            raise CommandError(str(error), returncode=command.EXIT_USAGE) from None
        if status:
            sys.exit(status)


def _stored(slug: str | None, host: str | None) -> Login | None:
    """Return what is stored under that name, for that registry and no other."""
    if not slug:
        return None
    row = Credential.objects.select_related("registry").filter(slug=slug).first()
    if row is None or not row.has_secret:
        raise CommandError(f"there is no credential {slug!r} with a secret", returncode=command.EXIT_USAGE)
    if row.registry.host != host:
        raise CommandError(
            f"the credential {slug!r} is for {row.registry.host}: --from-registry {row.registry.host}",
            returncode=command.EXIT_USAGE,
        )
    try:
        identity = secrets.open_identity(row.registry)
        secret = replace(secrets.open_secret(row), client_identity=identity)
    except secrets.SecretUnreadable as error:
        raise CommandError(str(error), returncode=command.EXIT_USAGE) from None
    return Login(site=row.registry.site, secret=secret)
