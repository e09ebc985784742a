"""`manage.py simulate`: play scenarios on a fast clock."""

import json
import logging
from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from kairos.simulation import report
from kairos.simulation.scenario import ScenarioInvalid, read_scenario
from kairos.simulation.scratch import NoScratch, scratch

SCENARIOS: Final = Path(report.__file__).with_name("scenarios")

_HELP: Final = f"""\
Play scenarios: hours in seconds, with scripted regions around the real dispatcher, ingest and verdict code.

A scenario is a YAML file: images, regions, what these find when, who is away, and what must come of it.

  title: The registry is down for ten minutes
  starts: 2026-03-02 08:00
  lasts: 1h
  regions: [ap-south, eu-west, us-east]
  resources:
    - {{image: ghcr.io/shop/cart:1, every: 1m}}
  script:
    - {{at: 20m, until: 30m, finds: registry_error}}
  expect:
    incidents:
      - {{of: ghcr.io/shop/cart:1, level: unavailable, began: 20m18s, opened: 22m20s, resolved: 30m18s, cause: recovered}}

Try what your own terms would do: write down your images and terms and what you fear, play it without an
expectation, and read the timeline. All fields: docs/how-to/simulate.md. Scenarios to read and to copy are in
{SCENARIOS}; a name without .yaml is one of them: manage.py simulate flapping

Nothing is dialled, and nothing of yours is touched: it is played in a database that is made on the server of
DATABASE_URL for it and dropped at the end, with keys made for it. The role needs CREATEDB. It takes a core of this
machine and of the database's while it runs: on a busy control plane, let DATABASE_URL name a server for tests.

The exit status is 1 if anything is not as expected, and 2 if a scenario cannot be read.
"""  # noqa: E501 - a scenario's line is as long as it is


class Command(BaseCommand):
    help = _HELP
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("scenarios", nargs="+", metavar="SCENARIO", help="a file, or the name of one of ours")
        parser.add_argument("--json", action="store_true", help="print one JSON document for each scenario")
        parser.add_argument(
            "--expectation",
            action="store_true",
            help="print what came of it as the `expect` of the scenario: read it, and keep it if it is right",
        )

    def handle(self, *, scenarios: list[str], json: bool, expectation: bool, verbosity: int, **_: Any) -> None:
        read = [(path, _read(path)) for path in map(_path, scenarios)]
        differing = []
        try:
            # What is logged of regions that come and go is in the timeline.
            with _logging(logging.ERROR if verbosity < 2 else logging.NOTSET), scratch():
                for path, scenario in read:
                    played = report.play(scenario)
                    self._show(played, as_json=json, as_expectation=expectation)
                    if not played.is_as_expected:
                        differing.append(path.stem)
        except ScenarioInvalid as error:
            raise CommandError(str(error), returncode=2) from None
        except NoScratch as error:
            raise CommandError(str(error), returncode=2) from None
        if differing and not expectation:
            raise CommandError(f"not as expected: {', '.join(differing)}", returncode=1)

    def _show(self, played: report.Played, *, as_json: bool, as_expectation: bool) -> None:
        if as_json:
            print(json.dumps(played.to_json(), ensure_ascii=False))
            return
        for line in report.expectation(played) if as_expectation else report.lines(played):
            print(line)
        if not as_expectation:
            print()


@contextmanager
def _logging(level: int) -> Iterator[None]:
    """Log what is of that level at least, until the block ends."""
    logger = logging.getLogger("probes")
    before = logger.level
    logger.setLevel(max(before, level))
    try:
        yield
    finally:
        logger.setLevel(before)


def _path(name: str) -> Path:
    own = SCENARIOS / f"{name}.yaml"
    return own if own.exists() and not Path(name).exists() else Path(name)


def _read(path: Path) -> Any:
    try:
        return read_scenario(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", returncode=2) from None
    except (ScenarioInvalid, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: {error}", returncode=2) from None
