"""`manage.py prepare`: make a database ready to serve, as often as one likes."""

import json
import secrets
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from kairos import keys, start
from kairos.environment import RegionName
from probes.actions import enrolment, here
from probes.actions.enrolment import EnrolmentRefused, OtherKeys, RegionRetired
from probes.actions.secrets import SecretUnreadable
from probes.broker.accounts import AccountsUnavailable, open_accounts
from probes.tasks import logins
from probes.tasks.accounts import apply
from probes.trust.keys import KeyFileError

ADMIN: Final = "admin"


class Command(BaseCommand):
    help = (
        "Make the missing keys, migrate, make the admin user if there is none, and enrol the regions of "
        "KAIROS_REGIONS, but those that were retired. Running it again changes nothing that is there. `manage.py up` "
        "runs it at every start."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--samples", action="store_true", help="with a new admin user, add the sample images too")
        parser.add_argument(
            "--broker-accounts",
            action="store_true",
            help="give each of these regions an account of its own on the broker; without this, their workers show "
            "the control plane's login",
        )
        parser.add_argument(
            "--without-regions",
            action="store_true",
            help="enrol none: no worker runs beside this database, and each region has a machine of its own",
        )
        parser.add_argument(
            "--wait",
            action="store_true",
            help="wait until the database answers, and with --broker-accounts the broker: at boot they may be late",
        )
        parser.add_argument(
            "--report",
            type=Path,
            metavar="FILE",
            help="write what was made, with the admin's password, to this file (0600) instead of printing it",
        )

    def handle(
        self,
        *,
        samples: bool,
        without_regions: bool,
        broker_accounts: bool,
        wait: bool,
        report: Path | None,
        **_: Any,
    ) -> None:
        if wait:
            start.await_services(with_broker=broker_accounts, say=self.stderr.write)
        call_command("make_keys")
        call_command("migrate", interactive=False, verbosity=0)
        password = make_admin()
        retired = [] if without_regions else self._enrol_regions(has_accounts=broker_accounts)
        if samples and password:
            call_command("load_samples")
        if report is not None:
            keys.write_private(report, json.dumps({"admin": ADMIN, "admin_password": password, "retired": retired}))
        elif password:
            print(f"Admin user: {ADMIN}, password: {password} (shown this once)")

    def _enrol_regions(self, *, has_accounts: bool) -> list[str]:
        """Enrol the regions of KAIROS_REGIONS, and write for each what its worker reads; return the retired ones."""
        retired = []
        try:
            if has_accounts:
                with open_accounts(settings.KAIROS_BROKER, settings.KAIROS_BROKER_MANAGEMENT_URL) as broker:
                    broker.check()
            for region in settings.KAIROS_REGIONS:
                try:
                    self._enrol(region, has_accounts=has_accounts)
                except RegionRetired as refused:
                    self.stderr.write(str(refused))
                    retired.append(region.slug)
                except (ValidationError, KeyFileError, SecretUnreadable, EnrolmentRefused) as error:
                    raise CommandError(f"region {region.slug}: {error}") from None
            if has_accounts:
                apply()
        except AccountsUnavailable as error:
            raise CommandError(str(error)) from None
        return retired

    def _enrol(self, region: RegionName, *, has_accounts: bool) -> None:
        now = timezone.now()
        try:
            row, _ = enrolment.enroll_here(region.slug, region.name, now=now)
        except OtherKeys as error:
            # Its keys were changed elsewhere. That is no reason to keep all others, and who could mend it, out.
            self.stderr.write(str(error))
            here.follow_broker(region.slug, has_accounts=has_accounts)
            return
        if has_accounts:
            here.log_in(row, now=now, logins=logins.at_the_broker(is_here=True))
        else:
            here.share(row, now=now)


@transaction.atomic
def make_admin() -> str:
    """Make the first superuser and return its password; empty when there is a superuser already."""
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return ""
    password = secrets.token_urlsafe(12)
    users.create_superuser(username=ADMIN, password=password)
    return password
