"""`manage.py region`: regions from their first day to their last."""

import argparse
import sys
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from probes.actions import bundles, enrolment, regions
from probes.actions import here as machine
from probes.actions.bundles import Surroundings
from probes.actions.enrolment import EnrolmentRefused, Issued
from probes.actions.secrets import SecretUnreadable
from probes.bundle import archive
from probes.bundle.contents import Bundle, BundleRefused, has_login
from probes.management import roster
from probes.models import Region
from probes.tasks import logins
from probes.trust.keys import KeyFileError

_OVERLAP_HOURS: Final = enrolment.OVERLAP.total_seconds() / 3600
_STANDARD_OUTPUT: Final = Path("-")
_EPILOG: Final = """
a region's life:
  manage.py region enroll eu-west --name Frankfurt --coordinates 50.1,8.7 --broker-url rediss://broker.example.com:6380
      makes the region, its keys and its broker account, and writes a bundle here. Copy it to the region's machine,
      remove it here, and start one container or one systemd unit there, as its README says. Within 20 seconds
      `list` shows it
  manage.py region list
      each region with its condition, its last sign of life, and how far a change of keys has got
  manage.py region drain eu-west
      before work on its machine: no new checks, what is in hand is still taken, and no vote. `resume` undoes it
  manage.py region rotate eu-west
      new keys and a new password in a new bundle. The old ones count until no worker uses them, 24 hours at most:
      replace the files and restart the workers one after another, and no check is lost
  manage.py region bundle eu-west --broker-url rediss://new.example.com:6380/0
      the files anew with the keys they hold, after the broker has moved or its CA has changed
  manage.py region retire eu-west
      given up: its keys and its account end, what it sends is refused, what it found stays. It stays so, also where
      KAIROS_REGIONS names it, until `enroll` brings it back with new keys
"""


class Command(BaseCommand):
    """One subcommand for each verb: the actions' arguments in, lines out."""

    help = "Enrol regions, give them new keys, drain, pause and retire them."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(
            title="what to do",
            metavar="VERB",
            required=True,
        )

        def verb(name: str, does: Callable[..., None], text: str) -> CommandParser:
            added: CommandParser = verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
            added.set_defaults(does=does)
            return added

        enroll = verb("enroll", self._enroll, "make a region with keys and a broker account, and write its bundle")
        _add_slug(enroll)
        enroll.add_argument("--name", default="", help="what people read; the slug by default")
        enroll.add_argument(
            "--coordinates", type=_coordinates, metavar="LAT,LON", help="in degrees, such as 50.1,8.7; shown only"
        )
        _add_surroundings(enroll)
        _add_here(enroll)

        rotate = verb("rotate", self._rotate, "give a region new keys and a new password, and write its bundle")
        _add_slug(rotate)
        rotate.add_argument(
            "--overlap-hours",
            type=_hours,
            default=_OVERLAP_HOURS,
            metavar="HOURS",
            help="how long the old ones count at most; 0 ends them at once, for a file that others have seen. "
            "Default: 24",
        )
        _add_surroundings(rotate)
        _add_here(rotate)

        bundle = verb("bundle", self._bundle, "write a bundle anew, with the keys and the login it holds")
        _add_slug(bundle)
        _add_surroundings(bundle)

        for name, does, text in (
            ("drain", regions.drain, "send no new checks and take the vote; what is in flight is still taken"),
            ("pause", regions.pause, "send no checks and take the vote"),
            ("resume", regions.resume, "undo drain and pause"),
            ("retire", _retire, "give regions up: their keys and accounts end, what they send is refused"),
        ):
            _add_slugs(verb(name, partial(self._change, name, does), text))
        verb("list", self._list, "show all regions")

    def handle(self, *, does: Callable[..., None], **options: Any) -> None:
        try:
            does(**options)
        except ValidationError as error:
            raise CommandError(f"region {options.get('slug', '')}: {' '.join(error.messages)}") from None
        except (EnrolmentRefused, BundleRefused, KeyFileError, SecretUnreadable) as error:
            raise CommandError(str(error)) from None

    def _enroll(self, *, slug: str, name: str, coordinates: tuple[float, float] | None, **options: Any) -> None:
        now = timezone.now()
        if options["here"]:
            with transaction.atomic():
                region, path = enrolment.enroll_here(slug, name, coordinates=coordinates, now=now, bring_back=True)
                url_file = machine.log_in(region, now=now, logins=logins.at_the_broker(is_here=True))
            _say_what_is_here(f"{region.slug} ({region.name})", path, url_file)
            return
        self._hand_over(
            lambda: enrolment.enroll(slug, name, coordinates=coordinates, now=now, logins=logins.at_the_broker()),
            **options,
        )

    def _rotate(self, *, slug: str, overlap_hours: float, here: bool, **options: Any) -> None:
        def rotate() -> Issued:
            place = logins.at_the_broker(is_here=here)
            return enrolment.rotate(slug, overlap=timedelta(hours=overlap_hours), now=timezone.now(), logins=place)

        if here:
            with transaction.atomic():
                issued = rotate()
                path, url_file = enrolment.put_here(issued.keys), machine.put(slug, issued.login)
            _say_what_is_here(slug, path, url_file)
        else:
            self._hand_over(rotate, before=options["out"] / f"kairos-edge-{slug}", **options)
        into = sys.stderr if options["out"] == _STANDARD_OUTPUT else sys.stdout
        until = f"count for {overlap_hours:g} h at most" if overlap_hours else "have ended"
        replace = "R" if here else "Replace the files at the region, and r"
        print(f"The keys before {until}. {replace}estart its workers one after another.", file=into)

    def _bundle(self, *, slug: str, out: Path, **options: Any) -> None:
        region = _known([slug])[0]
        if out == _STANDARD_OUTPUT:
            raise CommandError("a bundle is written anew where it lies: name its directory's parent by --out DIR")
        bundle = bundles.bundle_again(region, out / f"kairos-edge-{slug}", _surroundings(options))
        _say_where(bundle, _written(bundle, out))
        _keep_surroundings(bundle)

    def _hand_over(
        self, issue: Callable[[], Issued], *, out: Path, before: Path | None = None, **options: Any
    ) -> None:
        """Issue and write in one transaction: what could not be written was never issued."""
        with transaction.atomic():
            bundle = bundles.bundle_of(issue(), _surroundings(options), before=before)
            paths = _written(bundle, out)
        _say_where(bundle, paths)
        _keep_surroundings(bundle)

    def _change(self, name: str, does: Callable[..., int], *, slugs: list[str], **_: Any) -> None:
        chosen = _known(slugs)
        count = does([region.pk for region in chosen], now=timezone.now())
        done = {"drain": "draining", "pause": "paused", "resume": "resumed", "retire": "retired"}[name]
        were = "were not drained or paused" if name == "resume" else "were already"
        print(f"{count} {done}, {len(chosen) - count} {were}")

    def _list(self, **_: Any) -> None:
        for line in roster.lines(now=timezone.now()):
            print(line)


def _retire(region_ids: Iterable[int], *, now: datetime) -> int:
    return enrolment.retire(region_ids, now=now, logins=logins.at_the_broker())


def _add_slug(parser: CommandParser) -> None:
    parser.add_argument("slug", help="the region, as the end of its queue's name, probe.SLUG; it never changes")


def _add_slugs(parser: CommandParser) -> None:
    parser.add_argument("slugs", nargs="+", metavar="slug", help="a region")


def _add_surroundings(parser: CommandParser) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="where DIR/kairos-edge-SLUG and its .tar.gz are written; default: the current directory. - writes the "
        "archive to standard output, and nothing to disk",
    )
    parser.add_argument(
        "--broker-url",
        default="",
        metavar="URL",
        help="the broker as the region reaches it, without a login; default: KAIROS_EDGE_BROKER_URL, else that of "
        "the bundle before, else BROKER_URL",
    )
    parser.add_argument(
        "--broker-ca",
        default="",
        metavar="FILE",
        help="its CA, in PEM; default: KAIROS_EDGE_BROKER_CA_FILE, else that of the bundle before, else "
        "KAIROS_BROKER_CA_FILE",
    )
    parser.add_argument(
        "--image",
        default="",
        metavar="REF",
        help="default: KAIROS_EDGE_IMAGE, else that of the bundle before, else this version's",
    )


def _add_here(parser: CommandParser) -> None:
    parser.add_argument(
        "--here",
        action="store_true",
        help="the worker runs on this machine: write its key file and the broker's URL with its login, where "
        "`manage.py up` and docker-compose.yml look for them",
    )


def _surroundings(options: dict[str, Any]) -> Surroundings:
    return Surroundings(options["broker_url"], options["broker_ca"], options["image"])


def _written(bundle: Bundle, out: Path) -> tuple[Path, ...]:
    """Return the paths of what was written to disk."""
    try:
        if out != _STANDARD_OUTPUT:
            return archive.write(bundle, out)
        if sys.stdout.isatty():
            raise CommandError("--out - writes an archive: send standard output into a file")
        sys.stdout.buffer.write(archive.packed(bundle))
        sys.stdout.flush()
    except OSError as error:
        raise CommandError(
            f"{error.filename or out}: {error.strerror}; --out DIR names another place, --out - standard output"
        ) from None
    return ()


def _say_where(bundle: Bundle, paths: tuple[Path, ...]) -> None:
    into = sys.stdout if paths else sys.stderr
    for path in paths:
        print(path, file=into)
    if not has_login(bundle.broker_url):
        print(
            "The broker has no account for this region: set KAIROS_EDGE_BROKER_URL to its URL with a login, or add "
            "one to kairos-edge.env.",
            file=into,
        )
    print("Copy the directory or the archive to the region's machine, where its README.md says the rest.", file=into)
    if paths:
        print("Then remove both here: they hold the region's private keys and its password.", file=into)


def _keep_surroundings(bundle: Bundle) -> None:
    try:
        bundles.keep_surroundings(bundle)
    except OSError as error:
        print(
            f"{error.filename}: {error.strerror}: tell the next `rotate` of the broker and the image again",
            file=sys.stderr,
        )


def _say_what_is_here(region: str, key_file: Path, url_file: Path) -> None:
    broker = f"BROKER_URL_FILE={url_file}" if url_file.exists() else "BROKER_URL is not set: name the broker yourself"
    print(f"{region}: KAIROS_REGION_KEY_FILE={key_file} {broker}")


def _known(slugs: list[str]) -> list[Region]:
    known = list(Region.objects.filter(slug__in=slugs))
    if unknown := sorted(set(slugs) - {region.slug for region in known}):
        raise CommandError(f"no such region: {', '.join(unknown)}")
    return known


def _coordinates(text: str) -> tuple[float, float]:
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not LAT,LON") from None
    return latitude, longitude


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = -1.0
    if not 0 <= hours <= 24 * 30:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of hours, 720 at most")
    return hours
