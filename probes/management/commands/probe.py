"""`manage.py probe`: one check, from here, now. Needs no database, no broker and no settings."""

import argparse
import asyncio
import io
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from probes.management import arguments, endpoints
from probes.management.ladder import ladder, summary
from probes.management.login import BEARER, IDENTITY_TOKEN, PASSWORD, secret_of
from probes.protocol.check import CheckPlan, target_of
from probes.protocol.outcome import Outcome
from probes.protocol.plan import ANONYMOUS, DEFAULT_PLATFORM, DEFAULT_TIMEOUT_SECONDS, Plan, Secret, Site
from probes.protocol.provider import Provider
from probes.protocol.proxy import Proxy
from probes.protocol.taxonomy import Depth, Status
from probes.version import VERSION
from probes.wire.driver import Engine
from probes.wire.identity import IdentityUnusable, check_identity
from probes.wire.limits import LimitRefused, read_limits

EXIT_STATUSES: Final = {
    Status.AVAILABLE: 0,
    Status.UNAVAILABLE: 1,
    Status.DEGRADED: 3,
    Status.INDETERMINATE: 4,
    Status.CONFIG_ERROR: 5,
}
_WORST_FIRST: Final = (
    Status.UNAVAILABLE, Status.DEGRADED, Status.CONFIG_ERROR, Status.INDETERMINATE, Status.AVAILABLE,
)  # fmt: skip
_INTERRUPTED: Final = 130  # as shells report SIGINT and SIGPIPE; 1 would read as "unavailable"
_PIPE_CLOSED: Final = 141
_PROXY_PASSWORD: Final = "KAIROS_PROBE_PROXY_PASSWORD"  # noqa: S105 - the name of a variable

_EPILOG: Final = f"""
examples:
  manage.py probe alpine:3.20
  manage.py probe --depth resolve --count 5 --interval 2 quay.io/prometheus/node-exporter:latest
  manage.py probe --platform linux/arm64 --platform linux/amd64 ghcr.io/org/app:1.4
  manage.py probe --platform linux/arm64 --strict-platform ghcr.io/org/app:1.4-arm64
  manage.py probe --check-tag ghcr.io/org/app:1.4@sha256:4f53…
  {PASSWORD}=… manage.py probe --username robot registry.example.com/team/app:1
  manage.py probe --credential-kind google --credential-file key.json europe-docker.pkg.dev/project/repo/app:1
  manage.py probe --ca-file ca.pem --allow-cidr 10.0.0.0/8 registry.internal:5000/app:1
  manage.py probe --json-path '$.status' --json-equals '"ok"' --latency 800 https://api.example.com/health

exit status, that of the worst outcome:
  0 available, 1 unavailable, 3 degraded, 4 indeterminate, 5 config_error, 2 wrong usage of this command
"""


class Command(BaseCommand):
    """Translate the command line into plans, and outcomes into lines and an exit status."""

    help = "Check now, from this machine, whether container images can be pulled and HTTP endpoints answer."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name,
            subcommand,
            epilog=_EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **kwargs,
        )

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add(
            "references",
            nargs="+",
            metavar="REFERENCE",
            help="an image: [HOST/]REPOSITORY[:TAG][@DIGEST]; or the URL of an HTTP endpoint",
        )
        add(
            "--depth",
            choices=[depth.value for depth in Depth],
            default=Depth.BLOBS.value,
            help="how far to go; default: blobs (index, platform manifest, config and every layer)",
        )
        add(
            "--platform",
            action="append",
            type=arguments.platform,
            metavar="OS/ARCH[/VARIANT]",
            help=f"repeatable; default {DEFAULT_PLATFORM}; `all` is every runnable platform of the index",
        )
        add(
            "--strict-platform",
            action="store_true",
            help="where REFERENCE names one image and no index: unavailable (platform_missing) if that is for "
            "another platform, instead of available with a warning (platform_mismatch)",
        )
        add(
            "--check-tag",
            action="store_true",
            help="of NAME:TAG@DIGEST ask for the tag too, and warn (tag_moved) if it points elsewhere by now; the "
            "digest alone decides",
        )
        add("--username", metavar="NAME", help=f"with the password in {PASSWORD} or --password-stdin")
        secrets = parser.add_mutually_exclusive_group()
        secrets.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
        secrets.add_argument(
            "--identity-token-stdin",
            action="store_true",
            help=f"read an OAuth2 refresh token from standard input; or set {IDENTITY_TOKEN}",
        )
        secrets.add_argument(
            "--bearer-stdin",
            action="store_true",
            help=f"read a bearer token for the registry itself from standard input; or set {BEARER}",
        )
        secrets.add_argument(
            "--credential-kind",
            choices=[provider.value for provider in Provider],
            help="exchange a cloud's key, JSON on standard input or in --credential-file, for a login",
        )
        add("--credential-file", metavar="JSON", help="the key for --credential-kind, in place of standard input")
        add("--ca-file", type=arguments.ca_file, metavar="PEM", help="trust these roots as well")
        add(
            "--allow-cidr",
            action="append",
            type=arguments.cidr,
            default=[],
            metavar="CIDR",
            help="repeatable; non-public addresses that any hop may dial; metadata addresses never",
        )
        add(
            "--allow-host",
            action="append",
            type=arguments.host,
            default=[],
            metavar="HOST[:PORT]",
            help="repeatable; a host that may be dialled though its addresses are not public; metadata never",
        )
        add(
            "--proxy",
            metavar="URL",
            help="http[s]://[USER@]HOST:PORT; it resolves the names, so the guard sees literal addresses only; "
            f"its password in {_PROXY_PASSWORD}",
        )
        add("--client-cert", metavar="PEM", help="certificate and chain for the registry's own origin")
        add("--client-key", metavar="PEM", help="its private key, unless that is in the same file")
        add(
            "--resolve",
            action="append",
            type=arguments.resolve,
            default=[],
            metavar="HOST:ADDRESS[,ADDRESS]",
            help="repeatable; use these addresses instead of DNS; they are still tested",
        )
        add(
            "--trust-auth-host",
            action="append",
            default=[],
            metavar="HOST",
            help="repeatable; a host outside the registry's own domain that may receive the credential",
        )
        add(
            "--sample",
            action="store_true",
            help="of many layers look at the first, the last, the largest and one more, with --count each in turn",
        )
        add("--plain-http", action="store_true", help="the registry speaks HTTP; nothing else gets weaker")
        add(
            "--timeout",
            type=arguments.seconds,
            default=DEFAULT_TIMEOUT_SECONDS,
            metavar="SECONDS",
            help="deadline of the whole check; default %(default)g",
        )
        add("--count", type=arguments.count, default=1, metavar="N", help="repeat in one process, like ping")
        add(
            "--interval",
            type=arguments.seconds,
            default=1.0,
            metavar="SECONDS",
            help="between repetitions; default 1",
        )
        add("--json", action="store_true", help="one JSON document a line, one line an outcome")
        endpoints.add_arguments(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        secret = replace(secret_of(options), client_identity=_client_identity(options))
        proxy = _proxy(options)
        plans = [_plan(reference, options) for reference in options["references"]]
        if secret != ANONYMOUS:
            _refuse_many_hosts(plans)
        endpoints.refuse_without_url(options)
        outcomes: list[Outcome] = []
        _spare_poor_terminals()
        try:
            limits = read_limits(os.environ)
        except LimitRefused as refused:
            raise CommandError(str(refused), returncode=2) from None
        build_engine = partial(Engine, user_agent=f"kairos-probe/{VERSION}", limits=limits, proxy=proxy)
        try:
            asyncio.run(self._run(plans, secret, build_engine, options, outcomes))
            self._sum_up(outcomes, options)
        except KeyboardInterrupt:
            self._sum_up(outcomes, options)
            sys.exit(_INTERRUPTED)
        except BrokenPipeError:
            _write_no_more()
            sys.exit(_PIPE_CLOSED)
        except OSError as error:
            _write_no_more()
            raise CommandError(f"the outcome could not be written: {error.strerror}", returncode=2) from None
        found = {outcome.status for outcome in outcomes}
        worst = next(status for status in _WORST_FIRST if status in found)
        if worst is not Status.AVAILABLE:
            sys.exit(EXIT_STATUSES[worst])

    async def _run(
        self,
        plans: list[CheckPlan],
        secret: Secret,
        build_engine: Callable[[], Engine],
        options: dict[str, Any],
        outcomes: list[Outcome],
    ) -> None:
        """Make the checks one after the other; show each outcome and add it to `outcomes` as soon as it is there."""
        async with build_engine() as engine:
            async for plan in _rounds(plans, options["count"], options["interval"]):
                outcome = await engine.check(plan, secret)
                outcomes.append(outcome)
                if options["json"]:
                    self.stdout.write(json.dumps(outcome.to_json()))
                else:
                    for line in ladder(outcome, self._paint):
                        self.stdout.write(line)
                self.stdout.flush()

    def _sum_up(self, outcomes: list[Outcome], options: dict[str, Any]) -> None:
        if len(outcomes) > 1 and not options["json"]:
            self.stdout.write(summary(outcomes, self._paint))

    def _paint(self, status: Status, text: str) -> str:
        styles = {Status.AVAILABLE: self.style.SUCCESS, Status.UNAVAILABLE: self.style.ERROR}
        return str(styles.get(status, self.style.WARNING)(text))


def _write_no_more() -> None:
    """Whoever read us has gone, as `head` does, or the disk is full. Python would complain once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _spare_poor_terminals() -> None:
    """Let a terminal without our marks show `?` for them: an error would end with 1, which is `unavailable`."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


async def _rounds(plans: list[CheckPlan], count: int, interval_seconds: float) -> AsyncIterator[CheckPlan]:
    for number in range(count):
        if number:
            await asyncio.sleep(interval_seconds)
        for plan in plans:
            yield replace(plan, rotation=number) if isinstance(plan, Plan) and plan.sample_blobs else plan


def _plan(reference: str, options: dict[str, Any]) -> CheckPlan:
    site = _site(options)
    if endpoints.is_url(reference):
        return endpoints.plan(reference, options, site)
    return Plan(
        reference=reference,
        depth=Depth(options["depth"]),
        platforms=tuple(dict.fromkeys(options["platform"] or (DEFAULT_PLATFORM,))),
        site=site,
        timeout_seconds=options["timeout"],
        strict_platform=options["strict_platform"],
        check_tag=options["check_tag"],
        sample_blobs=options["sample"],
    )


def _site(options: dict[str, Any]) -> Site:
    resolve: dict[str, tuple[str, ...]] = {}
    for host, addresses in options["resolve"]:
        resolve[host] = (*resolve.get(host, ()), *addresses)
    return Site(
        ca_pem=options["ca_file"] or "",
        allow_cidrs=tuple(options["allow_cidr"]),
        allow_hosts=tuple(options["allow_host"]),
        resolve=tuple(resolve.items()),
        trusted_auth_hosts=tuple(host.lower() for host in options["trust_auth_host"]),
        plain_http=options["plain_http"],
    )


def _client_identity(options: dict[str, Any]) -> str:
    """Return the client certificate's PEM with its key."""
    files = [path for path in (options["client_cert"], options["client_key"]) if path]
    if not files:
        return ""
    if not options["client_cert"]:
        raise CommandError("--client-key needs --client-cert", returncode=2)
    try:
        pem = "\n".join(Path(path).read_text(encoding="utf-8") for path in files)
        check_identity(pem)
    except (OSError, UnicodeDecodeError, IdentityUnusable) as error:
        raise CommandError(f"--client-cert: {error}", returncode=2) from None
    return pem


def _proxy(options: dict[str, Any]) -> Proxy | None:
    if not options["proxy"]:
        return None
    try:
        proxy = Proxy.parse(options["proxy"], ca_pem=options["ca_file"] or "")
    except ValueError as error:
        raise CommandError(f"--proxy: {error}", returncode=2) from None
    if proxy.password:
        raise CommandError(
            f"--proxy: a password does not belong on a command line: set {_PROXY_PASSWORD}", returncode=2
        )
    return replace(proxy, password=os.environ.get(_PROXY_PASSWORD, "") if proxy.username else "")


def _refuse_many_hosts(plans: list[CheckPlan]) -> None:
    """One credential is for one host: never show it to another because both were on one command line."""
    hosts = {target.host for plan in plans if (target := target_of(plan))}  # what names none is reported unasked
    if len(hosts) > 1:
        what = "registries" if all(isinstance(plan, Plan) for plan in plans) else "hosts"
        raise CommandError(
            f"one credential for several {what} ({', '.join(sorted(hosts))}): probe them one by one", returncode=2
        )
