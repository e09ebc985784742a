"""The command line of discovery, alike for `manage.py discover` and `python -m probes.discovery`."""

import argparse
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Protocol

from probes.policy.discovery.document import Wishes, documents, merged, written
from probes.policy.discovery.finding import Notebook

EXIT_COMPLETE: Final = 0
EXIT_USAGE: Final = 2
EXIT_INCOMPLETE: Final = 3
MAX_STDIN_BYTES: Final = 64 * 1024 * 1024

SUMMARY: Final = "Find the container images that are used, and write them down as `manage.py apply` reads them."
_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?")
_PLATFORM: Final = re.compile(r"all|[a-z0-9_.-]+/[a-z0-9_.-]+(?:/[a-z0-9_.-]+)?")


class UsageRefused(ValueError):
    """The command was called with what it cannot do anything with; the message says why."""


class Sink(Protocol):
    """What text is written to."""

    def write(self, text: str, /) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """Where a run reads and writes."""

    stdin: BinaryIO
    stdout: Sink
    stderr: Sink


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what both commands take."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="Kubernetes manifests, `helm template` output, Compose files, Dockerfiles, directories of them, or - ",
    )
    _add_wishes(parser.add_argument_group("what to say of every image"))
    _add_files(parser.add_argument_group("files"))
    parser.add_argument("--quiet", action="store_true", help="tell only of what could not be read")


def _add_wishes(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--source",
        type=slug,
        metavar="NAME",
        help="who manages these images: what this source named before and does not name any more is marked stale by "
        "`apply`, unless something could not be read",
    )
    add("--group", type=slug, metavar="SLUG", help="the group they belong to")
    add("--schedule", type=slug, metavar="SLUG", help="the schedule by which they are checked")
    add("--policy", type=slug, metavar="SLUG", help="the policy they go by")
    add("--region", type=slug, action="append", default=[], metavar="SLUG", help="repeatable; default: all regions")
    add(
        "--platform",
        type=_platform,
        action="append",
        default=[],
        metavar="OS/ARCH[/VARIANT]",
        help="repeatable; default: what is said where they are used, else Kairos' own default",
    )
    add("--label", type=_pair, action="append", default=[], metavar="NAME=VALUE", help="repeatable")


def _add_files(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--set",
        type=_pair,
        action="append",
        default=[],
        dest="values",
        metavar="NAME=VALUE",
        help="repeatable; a variable of Compose files or a build argument of Dockerfiles",
    )
    add(
        "--exclude",
        action="append",
        default=[],
        metavar="PATTERN",
        help="repeatable; paths or names that are not looked at, such as '*/charts/*'; they count as read",
    )


def run(options: Mapping[str, Any], streams: Streams) -> int:
    """Read everything that is named, write what was found, tell of what was not; return the exit status.

    Raises `UsageRefused` before anything is read.
    """
    if not options["paths"]:
        raise UsageRefused("name files or directories, or - for standard input")
    book = Notebook()
    if options["paths"]:
        _read_files(options, streams, book)
    return _told(options, streams, book)


def main(arguments: list[str]) -> int:
    """Run as a program of its own, without a control plane."""
    parser = argparse.ArgumentParser(
        prog="python -m probes.discovery",
        description=SUMMARY,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    options = vars(parser.parse_args(arguments))
    streams = Streams(stdin=sys.stdin.buffer, stdout=sys.stdout, stderr=sys.stderr)
    try:
        return run(options, streams)
    except UsageRefused as error:
        parser.error(str(error))


def slug(text: str) -> str:
    """Return a stable name. Raises what argparse shows."""
    if not _SLUG.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!a} is no name: a-z, 0-9, '.', '_' and '-', at most 100 characters")
    return text


def _platform(text: str) -> str:
    if not _PLATFORM.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!a} is not OS/ARCH[/VARIANT], such as linux/arm64")
    return text


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!a} is not NAME=VALUE")
    return name, value


def _read_files(options: Mapping[str, Any], streams: Streams, book: Notebook) -> None:
    from probes.discovery.files import Reading  # noqa: PLC0415 - it wants PyYAML, which an agent does without

    stdin = streams.stdin.read(MAX_STDIN_BYTES + 1) if "-" in options["paths"] else b""
    if len(stdin) > MAX_STDIN_BYTES:
        raise UsageRefused(f"more than {MAX_STDIN_BYTES // 1024 // 1024} MiB on standard input")
    Reading(book, dict(options["values"]), tuple(options["exclude"])).paths(options["paths"], stdin)


def _told(options: Mapping[str, Any], streams: Streams, book: Notebook) -> int:
    wishes = Wishes(
        source=options["source"] or "",
        group=options["group"] or "",
        schedule=options["schedule"] or "",
        policy=options["policy"] or "",
        regions=tuple(options["region"]),
        platforms=tuple(options["platform"]),
        labels=dict(options["label"]),
    )
    images = merged(book.found)
    for remark in book.remarks:
        if remark.is_gap or not options["quiet"]:
            streams.stderr.write(f"{remark}\n")
    gaps = sum(remark.is_gap for remark in book.remarks)
    state = f"incomplete: {gaps} could not be read" if gaps else "complete"
    streams.stderr.write(f"{len(images)} images in {len(book.found)} places, {state}\n")
    if values := documents(images, wishes, complete=book.is_complete):
        streams.stdout.write(written(values))
    return EXIT_COMPLETE if book.is_complete else EXIT_INCOMPLETE


EPILOG: Final = """
examples:
  discover deploy/ Dockerfile --source shop-git --group shop
  helm template shop charts/shop | discover - --source shop-chart
  discover compose.yaml --set TAG=1.2.3 --label team=shop
  discover deploy/ --source shop-git | manage.py apply -f -

Each thing that is passed over is told on standard error with its place; what begins with "not read" may have held an
image. Then nothing is concluded from what is missing: the source says `complete: false`.

exit status:
  0 everything was read, 3 something could not be read (what was found is written all the same), 2 wrong usage
"""
