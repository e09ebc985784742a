"""The broker's URL for a region's worker on this machine: a file beside its keys, which it reads when it starts.

`enrolment.enroll_here` and `enrolment.put_here` write the keys. The login in the URL is the region's own, where the
broker has accounts, and lives in the same table as that of any region far away.
"""

from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import transaction

from probes.actions import accounts
from probes.actions.enrolment import Login, Logins, home_of
from probes.bundle.contents import with_login
from probes.models import Region
from probes.trust.accounts import generation_of
from probes.trust.keys import write_private

URL_FILE: Final = "broker-url"


def url_file(slug: str) -> Path:
    """Return what the worker of a region on this machine gets as BROKER_URL_FILE."""
    return home_of(slug) / URL_FILE


def log_in(region: Region, *, now: datetime, logins: Logins) -> Path:
    """See that the file has a login that is the region's current one, and the broker's present address.

    Can run at every start. A login that was handed out elsewhere ends as if it were replaced. Raises as
    `logins.issue` does.
    """
    with transaction.atomic():
        kept = _login_in(url_file(region.slug), region.slug)
        if kept is None or not accounts.is_current(region, kept.username, kept.password):
            kept = logins.issue(region, now=now, overlap=accounts.OVERLAP)
        return put(region.slug, kept)


def share(region: Region, *, now: datetime) -> Path:
    """Write the control plane's own login into the file, for a broker without accounts; the region's own ends."""
    with transaction.atomic():
        accounts.end_by(region, at=now)
        return put(region.slug, None)


def follow_broker(slug: str, *, has_accounts: bool) -> None:
    """Bring the broker's present address into the file, with the login that is in it: none is made, and none ended.

    For a region whose keys here are not its current ones. A broker without accounts takes our login.
    """
    kept = _login_in(url_file(slug), slug) if has_accounts else None
    if kept or not has_accounts:
        put(slug, kept)


def put(slug: str, login: Login | None) -> Path:
    """Write the file (0600), with this login or our own, unless we know of no broker; return its path."""
    path = url_file(slug)
    if ours := str(settings.KAIROS_BROKER.url):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(path, (with_login(ours, login.username, login.password) if login else ours) + "\n")
    return path


def _login_in(path: Path, slug: str) -> Login | None:
    """Return the region's own login in the file, if there is one."""
    if not path.exists():
        return None
    parts = urlsplit(path.read_text(encoding="utf-8").strip())
    login = Login(unquote(parts.username or ""), unquote(parts.password or ""))
    return login if generation_of(slug, login.username) else None
