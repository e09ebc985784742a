"""The command line of discovery, alike for `manage.py discover` and `python -m probes.discovery`."""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Protocol

from probes.discovery import access
from probes.discovery.arguments import EPILOG, GITHUB_REGISTRY, PASSWORD, SUMMARY, TOKEN, ListingKind, add_arguments
from probes.discovery.cluster import read_cluster
from probes.discovery.login import Login
from probes.policy.discovery.document import Wishes, documents, merged, written
from probes.policy.discovery.finding import Notebook
from probes.protocol.plan import Secret, Site
from probes.protocol.reference import HUB, parse_reference
from probes.protocol.token import is_bearer
from probes.protocol.urls import origin_of

EXIT_COMPLETE: Final = 0
EXIT_USAGE: Final = 2
EXIT_INCOMPLETE: Final = 3
EXIT_INTERRUPTED: Final = 130  # as shells report SIGINT
MAX_STDIN_BYTES: Final = 64 * 1024 * 1024
_OF_A_REGISTRY: Final = (
    "listing", "repository", "repositories", "project", "owner", "api_url", "username", "versions", "tags",
    "exclude_tags", "newest",
)  # fmt: skip


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


def run(options: Mapping[str, Any], streams: Streams, login: Login | None = None) -> int:
    """Read everything that is named, write what was found, tell of what was not; return the exit status.

    `login` is how a registry is reached, where that is not said on the command line. Raises `UsageRefused` before
    anything is read.
    """
    check(options)
    book = Notebook()
    try:
        if options["from_cluster"]:
            _read_cluster(options, book)
        if options["from_registry"]:
            _read_registry(options, login, book)
        if options["paths"]:
            _read_files(options, streams, book)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return _told(options, streams, book)


def check(options: Mapping[str, Any]) -> None:
    """Raise `UsageRefused` where nothing, or what does not go together, is asked for."""
    host = options["from_registry"]
    if not (options["paths"] or options["from_cluster"] or host):
        raise UsageRefused("name files or directories, - for standard input, --from-cluster or --from-registry HOST")
    if not host:
        given = [name for name in _OF_A_REGISTRY if options[name]]
        if given:
            raise UsageRefused(f"--{given[0].replace('_', '-')} is for --from-registry HOST")
        return
    kind = _kind(options)
    if kind is ListingKind.GHCR and not options["owner"]:
        raise UsageRefused("GitHub's packages are those of an owner: name one by --owner")
    if kind is ListingKind.CATALOG and host == HUB and not options["repository"]:
        raise UsageRefused("Docker Hub has no catalog: name repositories by --repository")


def _kind(options: Mapping[str, Any]) -> ListingKind:
    if options["listing"]:
        return ListingKind(options["listing"])
    is_at_github = options["from_registry"] == GITHUB_REGISTRY and not options["repository"]
    return ListingKind.GHCR if is_at_github else ListingKind.CATALOG


def parser_of(program: str) -> argparse.ArgumentParser:
    """Return the command line under that name."""
    parser = argparse.ArgumentParser(
        prog=program,
        description=SUMMARY,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    return parser


def main(arguments: list[str]) -> int:
    """Run as a program of its own, without a control plane."""
    parser = parser_of("python -m probes.discovery")
    options = vars(parser.parse_args(arguments))
    streams = Streams(stdin=sys.stdin.buffer, stdout=sys.stdout, stderr=sys.stderr)
    try:
        return run(options, streams)
    except UsageRefused as error:
        parser.error(str(error))


def _read_cluster(options: Mapping[str, Any], book: Notebook) -> None:
    try:
        cluster = access.chosen(options["kubeconfig"], options["context"])
    except access.ClusterUnusable as error:
        raise UsageRefused(str(error)) from None
    except ImportError:
        raise UsageRefused("a kubeconfig is read with PyYAML, which is not installed here") from None
    reading = read_cluster(
        cluster,
        book,
        namespaces=tuple(options["namespace"]),
        selector=options["selector"],
        seconds=options["timeout"],
    )
    asyncio.run(reading)


def _read_registry(options: Mapping[str, Any], login: Login | None, book: Notebook) -> None:
    try:
        # What chooses among tags wants a library that an agent in a cluster does without.
        from probes.discovery.registries import Question, read_registry  # noqa: PLC0415
        from probes.policy.discovery.tags import FilterRefused, TagFilter  # noqa: PLC0415
    except ImportError:
        raise UsageRefused("tags are chosen with semantic-version, which is not installed here") from None

    wanted = TagFilter(
        versions=options["versions"],
        pattern=options["tags"] or "",
        exclude=tuple(options["exclude_tags"]),
        newest=options["newest"],
    )
    question = Question(
        host=options["from_registry"],
        kind=_kind(options),
        pattern=options["repositories"] or "",
        repositories=tuple(options["repository"]),
        projects=tuple(options["project"]),
        owner=options["owner"],
        api_url=options["api_url"] or "",
    )
    try:
        wanted.check()
        reading = read_registry(question, login or _login(options), wanted, book, seconds=options["timeout"])
        asyncio.run(reading)
    except FilterRefused as error:
        raise UsageRefused(str(error)) from None


def _login(options: Mapping[str, Any]) -> Login:
    """Return how the command line and the environment say that a registry is reached."""
    hosts = [parse_reference(f"{options['from_registry']}/x").api_host]
    if options["api_url"]:
        hosts.append(origin_of(options["api_url"]).netloc)
    site = Site(
        ca_pem=options["ca_file"] or "",
        allow_cidrs=tuple(options["allow_cidr"]),
        allow_hosts=tuple(hosts),  # wherever it is, but no metadata service: whoever runs this chose it
        trusted_auth_hosts=tuple(name.lower() for name in options["trust_auth_host"]),
        plain_http=options["plain_http"],
    )
    return Login(site=site, secret=_secret(options["username"]))


def _secret(username: str) -> Secret:
    password, token = os.environ.get(PASSWORD, ""), os.environ.get(TOKEN, "")
    if username:
        if not password:
            raise UsageRefused(f"--username needs a password in {PASSWORD}")
        return Secret(username=username, password=password)
    if token and not is_bearer(token):
        raise UsageRefused(f"{TOKEN} holds what no header may hold")
    return Secret(bearer=token)


def _read_files(options: Mapping[str, Any], streams: Streams, book: Notebook) -> None:
    try:
        from probes.discovery.files import Reading  # noqa: PLC0415 - it wants PyYAML, which an agent does without
    except ImportError:
        raise UsageRefused("files are read with PyYAML, which is not installed here") from None

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
