"""`manage.py apply`: make what is stored as files declare it."""

import argparse
import os
import sys
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.utils import timezone

from probes.actions import applying, resource_batches
from probes.actions.applying import Applied, ApplyRefused
from probes.management import declared_files
from probes.management.secret_origins import from_here
from probes.policy.declared import telling
from probes.policy.declared.planning import Wishes
from probes.policy.declared.reading import DeclaredSource, Reading
from probes.policy.declared.telling import Tone
from probes.policy.names import is_stable_name

EXIT_REFUSED: Final = 1
_EXIT_USAGE: Final = 2
EXIT_WOULD_CHANGE: Final = 3
_COLOURS: Final = {Tone.MADE: "\033[32m", Tone.CHANGED: "\033[33m", Tone.GONE: "\033[31m"}
_RESET: Final = "\033[0m"
_LONGEST_NOTE: Final = 200
_EPILOG: Final = """
exit status:
  0  done, or nothing to do
  1  refused: nothing was done, and each line on standard error says where something is wrong
  2  the command was called with what it does not know
  3  with --dry-run: something would be done

examples:
  manage.py apply -f kairos/ --source shop-git --dry-run
      what would change if all that is declared beneath kairos/ were all that shop-git manages
  manage.py discover --source cluster --from-cluster | manage.py apply -f -
      watch what a cluster runs; what it runs no more is marked stale if all of it could be read
  manage.py apply -f kairos/ --source shop-git --prune --note "$(git rev-parse HEAD)"
      and retire or delete what is not declared any more
"""


class Command(BaseCommand):
    """Read, plan, tell, and do it."""

    help = "Make what is stored as files declare it, as a whole or not at all."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "-f",
            "--file",
            action="append",
            required=True,
            metavar="PATH",
            dest="paths",
            help="a file, a directory with all below it, or - for standard input; may be repeated",
        )
        parser.add_argument("--dry-run", action="store_true", help="tell what would be done, and do nothing")
        parser.add_argument(
            "--source",
            metavar="NAME",
            help="who manages all of this, where the files have no Source of their own: they are all it manages then",
        )
        parser.add_argument(
            "--prune", action="store_true", help="retire or delete what the source manages and nobody declares"
        )
        parser.add_argument(
            "--adopt", action="store_true", help="take over what is managed by hand, or by another source"
        )
        parser.add_argument("--yes", action="store_true", help="prune also more than half of what the source manages")
        parser.add_argument("--note", default="", help="for the audit log: a commit, say")

    def handle(self, *_args: Any, **options: Any) -> None:
        if len(options["note"]) > _LONGEST_NOTE:
            raise CommandError(f"--note: at most {_LONGEST_NOTE} characters", returncode=_EXIT_USAGE)
        self.stderr.style_func = None  # what is no fault is told there as well
        reading = declared_files.read(options["paths"], sys.stdin.buffer)
        wishes = Wishes(
            source=_source(reading, options["source"]),
            prune=options["prune"],
            adopt=options["adopt"],
            any_share=options["yes"],
        )
        try:
            with applying.noted(wishes.source.name if wishes.source else "", options["note"]):
                applied = applying.apply(
                    reading,
                    wishes,
                    now=timezone.now(),
                    resolve=from_here,
                    dry_run=options["dry_run"],
                    progress=self._progress,
                    waiting=self._waiting,
                )
        except ApplyRefused as refused:
            self._refuse(refused, has_colours=self._has_colours(self.stderr, options))
        self._tell(applied, is_done=not options["dry_run"], has_colours=self._has_colours(self.stdout, options))
        if options["dry_run"] and not applied.is_nothing:
            sys.exit(EXIT_WOULD_CHANGE)

    def _progress(self, word: str, done: int, count: int) -> None:
        if count > resource_batches.AT_ONCE:  # of less it is over before anybody wonders
            self.stderr.write(f"{done:,} of {count:,} {word}")

    def _waiting(self) -> None:
        self.stderr.write("Waiting: somebody else applies just now.")

    def _refuse(self, refused: ApplyRefused, *, has_colours: bool) -> NoReturn:
        """Tell what is wrong, a line each, which begins with its place."""
        more = refused.count - len(refused.faults)
        for line in (*map(str, refused.faults), *([f"and {more:,} more"] if more else [])):
            self.stderr.write(f"{_COLOURS[Tone.GONE]}{line}{_RESET}" if has_colours else line)
        self.stderr.write("Nothing was applied.")
        sys.exit(EXIT_REFUSED)

    def _tell(self, applied: Applied, *, is_done: bool, has_colours: bool) -> None:
        for line in telling.lines(applied.plan, makes_source=applied.makes_source, kept=applied.kept):
            colour = _COLOURS.get(line.tone) if has_colours else None
            self.stdout.write(f"{colour}{line.text}{_RESET}" if colour else line.text)
        self.stdout.write(telling.summary(applied.plan, makes_source=applied.makes_source, is_done=is_done))

    @staticmethod
    def _has_colours(stream: OutputWrapper, options: Mapping[str, Any]) -> bool:
        if options["no_color"] or options["force_color"]:
            return bool(options["force_color"])
        return stream.isatty() and not os.environ.get("NO_COLOR")


def _source(reading: Reading, named: str | None) -> DeclaredSource | None:
    if named is not None and not is_stable_name(named):
        raise CommandError("--source: small letters and digits, with . - _ between them", returncode=_EXIT_USAGE)
    return reading.source_called(named, "--source")
