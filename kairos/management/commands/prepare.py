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
from probes.actions import accounts, enrolment
from probes.actions.enrolment import OtherKeys
from probes.actions.secrets import SecretUnreadable
from probes.broker.accounts import AccountsUnavailable
from probes.models import Region
from probes.tasks.accounts import apply
from probes.trust.keys import KeyFileError

ADMIN: Final = "admin"


class Command(BaseCommand):
    help = (
        "Make the missing keys, migrate, make the admin user if there is none, and enrol the regions of "
        "KAIROS_REGIONS. Running it again changes nothing that is there. `manage.py up` runs it at every start."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--samples", action="store_true", help="with a new admin user, add the sample images too")
        parser.add_argument(
            "--broker-accounts",
            action="store_true",
            help="make each region's account on the broker, with the password that `manage.py up` has put into the "
            "state directory",
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
        enrolled = [] if without_regions else self._enrol_regions()
        if broker_accounts:
            self._make_accounts(enrolled)
        if samples and password:
            call_command("load_samples")
        if report is not None:
            keys.write_private(report, json.dumps({"admin": ADMIN, "admin_password": password}))
        elif password:
            print(f"Admin user: {ADMIN}, password: {password} (shown this once)")

    def _enrol_regions(self) -> list[Region]:
        enrolled = []
        for region in settings.KAIROS_REGIONS:
            try:
                row, _ = enrolment.enroll_here(region.slug, region.name, now=timezone.now())
            except OtherKeys as error:
                # Its keys were changed elsewhere. That is no reason to keep all others, and who could mend it, out.
                self.stderr.write(str(error))
            except (ValidationError, KeyFileError, SecretUnreadable) as error:
                raise CommandError(f"region {region.slug}: {error}") from None
            else:
                enrolled.append(row)
        return enrolled

    def _make_accounts(self, enrolled: list[Region]) -> None:
        for region in enrolled:
            password = (settings.KAIROS_STATE_DIR / f"broker-{region.slug}-password").read_text(encoding="utf-8")
            accounts.keep(region, password.strip(), now=timezone.now())
        try:
            apply()
        except AccountsUnavailable as error:
            raise CommandError(str(error)) from None


@transaction.atomic
def make_admin() -> str:
    """Make the first superuser and return its password; empty when there is a superuser already."""
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return ""
    password = secrets.token_urlsafe(12)
    users.create_superuser(username=ADMIN, password=password)
    return password
