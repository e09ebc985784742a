"""What discovery can be asked on a command line. A wrong argument is refused before anything is read."""

import argparse
import re
from enum import StrEnum
from pathlib import Path
from typing import Final

from probes.protocol.addresses import parse_networks
from probes.protocol.endpoint.pattern import PatternInvalid, check_pattern
from probes.protocol.plan import Site
from probes.protocol.reference import ReferenceInvalid, parse_reference
from probes.protocol.urls import UrlRefused, origin_of
from probes.wire.route import Route

SUMMARY: Final = "Find the container images that are used, and write them down as `manage.py apply` reads them."
DEFAULT_SECONDS: Final = 600.0
LONGEST_SECONDS: Final = 86_400.0
GITHUB_REGISTRY: Final = "ghcr.io"
GITHUB_API: Final = "https://api.github.com"
PASSWORD: Final = "KAIROS_DISCOVER_PASSWORD"  # noqa: S105 - the name of a variable
TOKEN: Final = "KAIROS_DISCOVER_TOKEN"  # noqa: S105 - likewise
_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?")
_PLATFORM: Final = re.compile(r"all|[a-z0-9_.-]+/[a-z0-9_.-]+(?:/[a-z0-9_.-]+)?")
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class ListingKind(StrEnum):
    """How a registry is asked what it has."""

    CATALOG = "catalog"
    HARBOR = "harbor"
    GHCR = "ghcr"


EPILOG: Final = """
examples:
  discover deploy/ Dockerfile --source shop-git --group shop
  helm template shop charts/shop | discover - --source shop-chart
  discover compose.yaml --set TAG=1.2.3 --label team=shop
  discover --from-cluster --context prod --source prod
  discover --from-registry registry.example.com --repositories 'team/.*' --versions '^1.4' --newest 3
  discover --from-registry ghcr.io --owner my-org --tags 'v[0-9.]+'
  discover deploy/ --source shop-git | manage.py apply -f -

Each thing that is passed over is told on standard error with its place; what begins with "not read" may have held an
image. Then nothing is concluded from what is missing: the source says `complete: false`.

exit status:
  0 everything was read, 3 something could not be read (what was found is written all the same), 2 wrong usage,
  130 interrupted (nothing is written)
"""


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
    _add_cluster(parser.add_argument_group("a running cluster (also in-cluster, by its service account)"))
    _add_registry(parser.add_argument_group("a registry"))
    _add_tags(parser.add_argument_group("which of its tags"))
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=DEFAULT_SECONDS,
        metavar="SECONDS",
        help="for each source; default %(default)g",
    )
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


def _add_cluster(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--from-cluster",
        action="store_true",
        help="list its workloads and pods; least rights: deploy/kubernetes/discover.yaml",
    )
    add("--kubeconfig", default="", metavar="FILE", help="default: KUBECONFIG, ~/.kube/config, the service account")
    add("--context", default="", metavar="NAME", help="of the kubeconfig; default: its current one")
    add("--namespace", type=_namespace, action="append", default=[], metavar="NAME", help="repeatable; default: all")
    add("--selector", default="", metavar="LABELS", help="as kubectl's: app=shop,tier!=test")


def _add_registry(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--from-registry", type=_host, metavar="HOST", help="list what is in a registry, named as in references")
    add(
        "--listing",
        choices=[kind.value for kind in ListingKind],
        help="how: the catalog that most have (default), Harbor's API, GitHub's packages (default of ghcr.io)",
    )
    add("--repository", action="append", default=[], metavar="NAME", help="repeatable; of these, without a catalog")
    add("--repositories", type=_pattern, metavar="RE2", help="of those whose whole name matches")
    add("--project", action="append", default=[], metavar="NAME", help="repeatable; Harbor: of these projects only")
    add("--owner", default="", metavar="NAME", help="GitHub: the organisation or user")
    add("--api-url", type=_url, metavar="URL", help=f"GitHub's API elsewhere; default {GITHUB_API}")
    add("--username", default="", metavar="NAME", help=f"with the password in {PASSWORD}; or a token in {TOKEN}")
    add("--ca-file", type=_ca_file, metavar="PEM", help="trust these roots as well")
    add(
        "--allow-cidr",
        type=_cidr,
        action="append",
        default=[],
        metavar="CIDR",
        help="non-public addresses of its token service",
    )
    add(
        "--trust-auth-host",
        action="append",
        default=[],
        metavar="HOST",
        help="may receive the login though elsewhere",
    )
    add("--plain-http", action="store_true", help="the registry speaks HTTP")


def _add_tags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--versions",
        default="",
        metavar="RANGE",
        help="tags that are versions in this range: '>=1.2 <2', '^1.4', '1.x'",
    )
    add("--tags", type=_pattern, metavar="RE2", help="tags that match as a whole")
    add("--exclude-tags", type=_pattern, action="append", default=[], metavar="RE2", help="repeatable; but these not")
    add("--newest", type=int, default=0, metavar="N", help="of each repository the N highest of what is left")


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


def _namespace(text: str) -> str:
    if not _LABEL.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!a} is no namespace")
    return text


def _host(text: str) -> str:
    try:
        host = parse_reference(f"{text}/x").host
    except ReferenceInvalid as error:
        raise argparse.ArgumentTypeError(error.message) from None
    if host != text.lower():
        raise argparse.ArgumentTypeError(f"{text!a} is not HOST or HOST:PORT of a registry")
    return host


def _url(text: str) -> str:
    try:
        origin_of(text)
    except UrlRefused as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _pattern(text: str) -> str:
    try:
        check_pattern(text)
    except PatternInvalid as error:
        raise argparse.ArgumentTypeError(f"{text!a} is no pattern of RE2: {error}") from None
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!a} is not a number of seconds above 0, up to {LONGEST_SECONDS:g}")
    return seconds


def _cidr(text: str) -> str:
    try:
        parse_networks((text,))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _ca_file(text: str) -> str:
    try:
        pem = Path(text).read_text(encoding="utf-8")
        Route.of(Site(ca_pem=pem))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text}: no usable certificates: {error}") from None
    return pem
