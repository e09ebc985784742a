"""`manage.py up`: the whole of Kairos on this machine, with one command."""

import argparse
import logging
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from kairos.demo import company
from kairos.demo.sites import DEFAULT_PORT
from kairos.environment import Bind, RegionName, parse_bind, parse_regions
from kairos.up import Refused, sequence


class Command(BaseCommand):
    help = (
        "Run all of Kairos on this machine: database, broker, web, scheduler, control worker and one worker for "
        "each region. PostgreSQL and Redis are embedded unless DATABASE_URL and BROKER_URL name your own. "
        "Everything that is kept lies in the state directory. Ctrl-C stops all of it."
    )
    # Its own settings are checked below, in one line each; the children check the rest.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--bind",
            type=_argument(parse_bind),
            default=settings.KAIROS_BIND,
            metavar="HOST:PORT",
            help=f"where the dashboard listens; also KAIROS_BIND; now {settings.KAIROS_BIND}",
        )
        parser.add_argument(
            "--regions",
            type=_argument(parse_regions),
            default=settings.KAIROS_REGIONS,
            metavar="SLUG[:NAME],…",
            help="the regions, one worker each; also KAIROS_REGIONS; now "
            + ",".join(region.slug for region in settings.KAIROS_REGIONS),
        )
        parser.add_argument(
            "--state-dir",
            type=Path,
            default=settings.KAIROS_STATE_DIR,
            metavar="DIR",
            help=f"what is kept between runs: data, keys, passwords; also KAIROS_STATE_DIR; "
            f"now {settings.KAIROS_STATE_DIR}",
        )
        parser.add_argument(
            "--no-samples",
            action="store_true",
            help="do not add the sample images at the first start; `manage.py load_samples` adds them later",
        )
        parser.add_argument(
            "--demo",
            action="store_true",
            help="run a local demonstration registry besides, whose images show every state of Kairos",
        )
        parser.add_argument(
            "--demo-port",
            type=int,
            default=DEFAULT_PORT,
            metavar="PORT",
            help=f"where the demonstration registry listens; {DEFAULT_PORT} unless you say otherwise",
        )

    def handle(self, *, bind: Bind, regions: tuple[RegionName, ...], state_dir: Path, **options: Any) -> None:
        for mistake in settings.KAIROS_MISTAKES:
            if mistake.id.startswith("kairos.E"):
                raise CommandError(f"{mistake.message}. {mistake.hint} ({mistake.id})")
        # Circus tells of each start and stop, which our own lines do better.
        logging.getLogger("circus").setLevel(logging.ERROR)
        wanted = sequence.Options(
            project=settings.BASE_DIR,
            state=state_dir.expanduser().absolute(),
            bind=bind,
            regions=regions,
            with_samples=not options["no_samples"],
        )
        try:
            sequence.up(wanted, _company(wanted, demo=options["demo"], port=options["demo_port"]))
        except Refused as error:
            raise CommandError(str(error)) from None


def _company(wanted: sequence.Options, *, demo: bool, port: int) -> sequence.Company:
    if not demo:
        return company.resting(wanted.state)
    try:
        return company.playing(project=wanted.project, state=wanted.state, port=port, regions=wanted.regions)
    except ValueError as error:
        raise CommandError(f"--demo-port: {error}") from None


def _argument(parse: Any) -> Any:
    """Let a reader's own sentence be the usage error."""

    def read(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read
