"""`manage.py export`: what is stored, as files that `apply` reads."""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from errno import EACCES, EBUSY, EROFS
from pathlib import Path
from secrets import token_hex
from shutil import copyfile, copymode
from typing import IO, Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from probes.policy.declared import schema, writing
from probes.policy.declared.kinds import Kind
from probes.selectors.declared import everything
from probes.selectors.snapshot import snapshot

_EPILOG: Final = """
examples:
  manage.py export > kairos.yaml
      everything but what is retired; secrets of credentials and channels are no part of it
  manage.py export --kind Image --kind Group --source shop-git -o kairos/
      the images and groups of a source, a file for each kind
  manage.py export --schema > configuration.schema.json
      what an editor needs to complete and check such files
"""


class Command(BaseCommand):
    """Write documents to standard output, a file or a directory."""

    help = "Write what is stored as documents that apply reads; of the same database, they change nothing."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--kind",
            action="append",
            choices=[kind.value for kind in Kind],
            dest="kinds",
            help="only this kind; may be repeated",
        )
        parser.add_argument(
            "--schema", action="store_true", help="write the JSON Schema of documents instead, and ask no database"
        )
        parser.add_argument("--source", help="only what this source manages")
        parser.add_argument(
            "-o",
            "--output",
            metavar="PATH",
            help="a file, or a directory that gets a file for each kind; DIR/ is made where it is not there",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        kinds = [Kind(kind) for kind in options["kinds"] or Kind]
        output = Path(options["output"]) if options["output"] else None
        if options["schema"]:
            self.stdout.write(schema.text(), ending="")
            return
        try:
            if options["output"] and options["output"].endswith("/"):
                Path(options["output"]).mkdir(parents=True, exist_ok=True)
            with snapshot(waits_long=True), ExitStack() as files:
                if output is not None and output.is_dir():
                    for kind in kinds:
                        file = files.enter_context(self._instead_of(output / f"{kind.lower()}.yaml"))
                        file.writelines(self._parts([kind], options["source"]))
                        file.flush()  # what cannot be written fails before any file is in place
                elif output is not None:
                    file = files.enter_context(self._instead_of(output))
                    file.writelines(self._parts(kinds, options["source"]))
                else:
                    for part in self._parts(kinds, options["source"]):
                        self.stdout.write(part, ending="")
        except OSError as error:
            raise CommandError(f"{options['output'] or 'standard output'}: {error.strerror}") from None

    def _parts(self, kinds: list[Kind], source: str | None) -> Iterator[str]:
        return writing.text(self._looked_at(writing.documents(everything(kinds, source=source))))

    def _looked_at(self, documents: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Pass documents on, and say in the end of how many the values may be secret."""
        count = 0
        for document in documents:
            count += writing.shows_hidden(document)
            yield document
        if count:
            self.stderr.write(
                f"Headers, bodies or queries of {count:,} endpoints are written as they are stored, and may be "
                "secret: look at them before they go into a repository."
            )

    @contextmanager
    def _instead_of(self, path: Path) -> Iterator[IO[str]]:
        """Give a file to write that takes the place of another in the end, if all went well."""
        if path.exists() and not path.is_file():  # a terminal, a pipe: nothing takes its place
            with path.open("w", encoding="utf-8") as file:
                yield file
            return
        path = path.resolve()
        unfinished, is_kept = path.with_name(f".{path.name}.{token_hex(4)}"), False
        try:
            with _made_beside(path, unfinished) as file:
                if path.exists():
                    copymode(path, unfinished)
                yield file
            try:
                unfinished.replace(path)
            except OSError as error:
                if error.errno != EBUSY:
                    raise
                # It is a mount of its own, as one file of the host is in a container: nothing can take its place.
                is_kept = True  # from where its old content goes until the new is whole, this alone is
                _write_in_place(unfinished, path)
                is_kept = False
                self.stderr.write(
                    f"{path} is mounted by itself, so it was written in place: who read it meanwhile may have read a "
                    "part. Mount its directory to have it replaced at once."
                )
        finally:
            if not is_kept:
                unfinished.unlink(missing_ok=True)


def _write_in_place(whole: Path, path: Path) -> None:
    try:
        copyfile(whole, path)
    except OSError as error:
        raise CommandError(
            f"{path}: {error.strerror}. It is mounted by itself and is written in place, so a part of it may be "
            f"missing now. All that was to be in it is kept as {whole}."
        ) from None


def _made_beside(path: Path, unfinished: Path) -> IO[str]:
    try:
        return unfinished.open("x", encoding="utf-8")
    except OSError as error:
        if error.errno in (EACCES, EROFS):
            raise CommandError(
                f"{path.parent}: {error.strerror}. A file is made there first, which takes the place of {path.name} "
                "when it is whole: write to a directory in which files can be made, or to standard output."
            ) from None
        raise
