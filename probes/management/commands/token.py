"""`manage.py token`: tokens of the API from the command line."""

import argparse
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Model, QuerySet
from django.utils import timezone

from probes.actions import access_tokens
from probes.models import AccessToken, Region, ResourceGroup
from probes.policy.access import Scope
from probes.selectors.access import tokens

_EPILOG: Final = """
scopes:
  read     look at everything that is within reach
  probe    order checks
  write    change what is checked, note incidents, plan work
  admin    enrol regions, give roles
  metrics  read /metrics
  None includes another, and a token never can more than its owner's roles allow at that moment.

examples:
  manage.py token create admin
      a token that reads, on standard output; nothing else is written there. It is not shown again
  manage.py token create ci --name "deploy pipeline" --scope read --scope probe --group payments --days 90
      for a pipeline that orders checks of one group's images, until 90 days from now
  manage.py token list --user ci
      the tokens of somebody, with what they are for and when they were last used
  manage.py token revoke 3f9k2m1x0a
      ends a token for good, by what stands between `kairos_` and the next `_`, and those that were made with it
"""


class Command(BaseCommand):
    """One subcommand for each verb."""

    help = "Make, list and revoke tokens of the API."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", title="verbs")
        create = verbs.add_parser("create", help="make a token and write it to standard output")
        create.add_argument("user", help="whose it is")
        create.add_argument("--name", default="from the command line", help="what it is for")
        create.add_argument(
            "--scope",
            action="append",
            choices=[scope.value for scope in Scope],
            help="what it is for; repeat it for several. Without any: read",
        )
        create.add_argument("--group", action="append", default=[], help="limit it to this group; may be repeated")
        create.add_argument("--region", action="append", default=[], help="limit it to this region, by its slug")
        create.add_argument("--days", type=int, help="so long it counts. Without: for ever")
        create.set_defaults(run=self._create)
        listing = verbs.add_parser("list", help="show tokens, never what they are")
        listing.add_argument("--user", help="those of one user")
        listing.set_defaults(run=self._list)
        revoke = verbs.add_parser("revoke", help="end tokens for good")
        revoke.add_argument("prefix", nargs="+", help="what stands after `kairos_`")
        revoke.set_defaults(run=self._revoke)

    def handle(self, *_args: Any, run: Any, **options: Any) -> None:
        run(timezone.now(), **options)

    def _create(self, now: datetime, **options: Any) -> None:
        owner = get_user_model().objects.filter(username=options["user"]).first()
        if owner is None:
            raise CommandError(f"there is no user {options['user']!r}")
        days = options["days"]
        if days is not None and not 1 <= days <= 36_500:
            raise CommandError("--days: from 1 to 36500")
        token = AccessToken(
            owner=owner,
            name=options["name"],
            scopes=options["scope"] or [Scope.READ.value],
            expires_at=None if days is None else now + timedelta(days=days),
        )
        try:
            issued = access_tokens.issue(
                token,
                groups=_named(ResourceGroup.objects.all(), "name", options["group"]),
                regions=_named(Region.objects.all(), "slug", options["region"]),
                by=None,
                now=now,
            )
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        self.stdout.write(issued.text)
        self.stderr.write("Copy it now: it is not shown again.")

    def _list(self, now: datetime, **options: Any) -> None:
        rows = tokens()
        if options["user"] is not None:
            rows = rows.filter(owner__username=options["user"])
        for token in rows:
            self.stdout.write("  ".join((token.prefix, str(token.owner), _told(token, now), token.name)))

    def _revoke(self, now: datetime, **options: Any) -> None:
        rows = {token.prefix: token for token in AccessToken.objects.filter(prefix__in=options["prefix"])}
        if missing := [prefix for prefix in options["prefix"] if prefix not in rows]:
            raise CommandError(f"there is no token {missing[0]!r}; nothing was revoked")
        count = access_tokens.revoke([token.pk for token in rows.values()], now=now)
        self.stdout.write(f"{count} revoked")


def _named(rows: QuerySet[Any, Any], field: str, names: list[str]) -> list[Any]:
    """Return the rows of these names. Raises `CommandError` for one that there is not."""
    found: dict[str, Model] = {getattr(row, field): row for row in rows.filter(**{f"{field}__in": names})}
    if missing := [name for name in names if name not in found]:
        raise CommandError(f"there is no {rows.model._meta.verbose_name} {missing[0]!r}")  # noqa: SLF001 - public by its documentation
    return list(found.values())


def _told(token: AccessToken, now: datetime) -> str:
    """Return the scopes, the limits and the condition of a token, in words."""
    words = [",".join(token.scopes)]
    if not token.is_of_all_groups:
        words.append(f"groups {','.join(group.name for group in token.groups.all()) or 'none'}")
    if not token.is_of_all_regions:
        words.append(f"regions {','.join(region.slug for region in token.regions.all()) or 'none'}")
    if token.revoked_at is not None:
        words.append("revoked")
    elif token.expires_at is not None:
        words.append("expired" if token.expires_at <= now else f"until {token.expires_at:%Y-%m-%d}")
    used = token.last_used_at
    words.append("never used" if used is None else f"used {used:%Y-%m-%d %H:%M}")
    return "  ".join(words)
