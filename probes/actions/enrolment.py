"""Regions come and go: enrolled with keys and a login at the broker, given new ones, and retired.

What a worker needs comes back as a value, once: its signing key and its password are kept nowhere. A face puts it
into a bundle (`probes.bundle`), or into the files of a worker on this machine (`put_here`, `actions.here`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from django.conf import settings
from django.db import connection, transaction

from probes.actions import conditions, regions, secrets, verdicts
from probes.bundle.contents import KEY
from probes.models import Region, RegionKey
from probes.trust.keys import ControlKeys, KeyFileError, RegionKeys

OVERLAP: Final = timedelta(hours=24)
"""So long keys and a password that were replaced still count, where they stay in use."""

MAY_ENROLL: Final = ("probes.add_region", "probes.change_credential")
MAY_ROTATE: Final = ("probes.change_region", "probes.change_credential")
"""What somebody must be allowed who is handed a region's keys: they open every credential that the region is sent."""


class EnrolmentRefused(Exception):
    """A region cannot be enrolled or changed so. The message is one line that says what can be done."""


class RegionRetired(EnrolmentRefused):
    """A region was given up, and nothing but an order brings it back."""


class OtherKeys(KeyFileError):
    """A region's current keys are not in the file on this machine: they may be on another one by now."""


@dataclass(frozen=True, slots=True)
class Login:
    """An account at the broker."""

    username: str
    password: str = field(repr=False)


class Logins(Protocol):
    """Where regions get their accounts at the broker (ADR 20)."""

    def issue(self, region: Region, *, now: datetime, overlap: timedelta) -> Login | None:
        """Return a new login for the region; those before it count for `overlap` more. None: this broker has none."""

    def withdraw(self, region: Region, *, now: datetime) -> None:
        """Take all logins of the region away."""


class OneLoginForAll:
    """A broker without accounts: everybody shows what the URL says."""

    def issue(self, region: Region, *, now: datetime, overlap: timedelta) -> Login | None:  # noqa: ARG002 - see Logins
        return None

    def withdraw(self, region: Region, *, now: datetime) -> None:
        """Take nothing away: there is nothing of the region's own."""


_OF_THE_LAST_TIME: Final = (
    *("retired_at", "paused_at", "draining_at", "silent_since", "egress_down_since", "late_since"),
    *("last_seen_at", "heartbeat", "liveness", "canaries"),
    *("queue_lag_seconds", "clock_offset_seconds", "clock_uncertainty_seconds", "stride", "pace"),
)
"""What a region that is enrolled again does not keep: it may be another machine, and was retired in some order."""

LOGINS: Final[Logins] = OneLoginForAll()
_NAME_OF_A_REGION: Final = 7201  # a class of advisory locks of its own


@dataclass(frozen=True, slots=True)
class Issued:
    """What a region's worker is to be given. `login` is None where the broker has no account for it."""

    region: Region
    keys: RegionKeys = field(repr=False)
    login: Login | None = None


def enroll(
    slug: str,
    name: str = "",
    *,
    coordinates: tuple[float, float] | None = None,
    now: datetime,
    logins: Logins = LOGINS,
) -> Issued:
    """Make a region, or bring a retired one back, with new keys and a login of its own.

    `coordinates` are latitude and longitude in degrees; they and an empty `name` keep what is there. Raises
    `ValidationError` for values that cannot be, `EnrolmentRefused` for a region that is enrolled, `KeyFileError`
    without the control plane's key, `SecretUnreadable` without a key to encrypt with.
    """
    control = ControlKeys.load(settings.KAIROS_CONTROL_KEY_FILE)
    with transaction.atomic():
        region = _locked(slug) or Region(slug=slug)
        if _is_in_service(region):
            raise EnrolmentRefused(
                f"region {slug} is enrolled already; new keys: manage.py region rotate {slug}, "
                f"the files anew: manage.py region bundle {slug}"
            )
        _describe(region, name, coordinates)
        keys = RegionKeys.generate(slug, control.verify_key)
        _admit(region, keys, now)
        return Issued(region, keys, logins.issue(region, now=now, overlap=timedelta(0)))


def enroll_here(
    slug: str,
    name: str = "",
    *,
    coordinates: tuple[float, float] | None = None,
    now: datetime,
    bring_back: bool = False,
) -> tuple[Region, Path]:
    """Enrol a region whose worker runs on this machine, and return it with the path of its key file (0600).

    Can run at every start: keys that both sides know are kept. A retired region stays so, unless it is to be brought
    back, with new ones. An empty `name` keeps the name. Raises as `enroll` does, `RegionRetired`, `KeyFileError` for
    a file that is not the region's, and of that `OtherKeys` when the region is in service with other keys.
    """
    control = ControlKeys.load(settings.KAIROS_CONTROL_KEY_FILE)
    path = key_file(slug)
    with transaction.atomic():
        region = _locked(slug) or Region(slug=slug)
        if region.retired_at is not None and not bring_back:
            raise RegionRetired(
                f"region {slug} was retired, and stays so: take it out of KAIROS_REGIONS, "
                f"or bring it back: manage.py region enroll {slug} --here"
            )
        _describe(region, name, coordinates)
        _take_from_where_it_was(path)
        kept = RegionKeys.load(path) if path.exists() else None
        row = RegionKey.objects.filter(verify_key=kept.public.verify_key_text).first() if kept else None
        if not _is_in_service(region):
            # Keys that ended stay ended. Those of a file that no row knows outlived their database, and serve again.
            own = kept if kept and row is None else RegionKeys.generate(slug, control.verify_key)
            # The control plane's key may have changed since the file was written.
            keys = replace(own, region=slug, control_verify_key=control.verify_key)
            _admit(region, keys, now)
        elif kept is None or row is None or row.region_id != region.pk or row.valid_until is not None:
            raise OtherKeys(
                f"{path}: region {slug} has other keys than this file; put the right one there, "
                f"or make new ones: manage.py region rotate {slug} --here"
            )
        else:
            keys = replace(kept, region=slug, control_verify_key=control.verify_key)
            region.save(update_fields=["name", "latitude", "longitude"])
            if not row.box_private_encrypted:
                secrets.keep_box_key(row, keys.box_key)
                row.save(update_fields=["box_private_encrypted"])
        put_here(keys)
    return region, path


def rotate(slug: str, *, overlap: timedelta = OVERLAP, now: datetime, logins: Logins = LOGINS) -> Issued:
    """Give a region new keys and a new login. The ones before count until nobody uses them, for `overlap` at most.

    Without an overlap they end at once: for keys that others may have. Raises `EnrolmentRefused` for a region that is
    not in service, or whose keys before cannot be handed on; else as `enroll` does.
    """
    control = ControlKeys.load(settings.KAIROS_CONTROL_KEY_FILE)
    with transaction.atomic():
        region = _locked(slug)
        if region is None or not _is_in_service(region):
            raise EnrolmentRefused(f"region {slug} is not enrolled: manage.py region enroll {slug}")
        before = list(region.keys.valid(now).reverse()) if overlap else []
        if not all(row.box_private_encrypted for row in before):
            raise EnrolmentRefused(
                f"region {slug}: its keys are older than this version and not known here; "
                f"change them without an overlap: manage.py region rotate {slug} --overlap-hours 0"
            )
        keys = RegionKeys.generate(slug, control.verify_key, tuple(secrets.open_box_key(row) for row in before))
        _end(region, at=now + overlap, now=now)
        _add(region, keys, now)
        region.save(update_fields=["verify_key", "box_public_key"])
        return Issued(region, keys, logins.issue(region, now=now, overlap=overlap))


def retire(region_ids: Iterable[int], *, now: datetime, detail: str = "", logins: Logins = LOGINS) -> int:
    """Give regions up: they get nothing, what they send is refused, their keys and logins are gone.

    Returns how many were not retired before. They can be enrolled again, with new keys.
    """
    with transaction.atomic():
        chosen = Region.objects.filter(pk__in=list(region_ids), retired_at=None).order_by("pk")
        leaving = list(chosen.select_for_update(no_key=True))
        count = regions.retire([region.pk for region in leaving], now=now, detail=detail)
        for region in leaving:
            _end(region, at=now, now=now)
            logins.withdraw(region, now=now)
    return count


def home_of(slug: str) -> Path:
    """Return the directory of what the worker of a region on this machine is given, and no other's."""
    return Path(settings.KAIROS_REGION_KEYS_DIR) / slug


def key_file(slug: str) -> Path:
    """Return where the worker of a region on this machine has its keys."""
    return home_of(slug) / KEY


def put_here(keys: RegionKeys) -> Path:
    """Write the key file of a worker on this machine (0600), and return its path."""
    path = key_file(keys.region)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys.save(path)
    return path


def _take_from_where_it_was(path: Path) -> None:
    """Move a key file that an earlier version kept beside those of other regions."""
    earlier = path.parent.with_suffix(".json")
    if earlier.exists() and not path.exists():
        path.parent.mkdir(exist_ok=True, mode=0o700)
        earlier.replace(path)


def _locked(slug: str) -> Region | None:
    """Return the region, and let nobody else enrol or change it until the transaction ends.

    A name that no region has yet is locked as well: of two who enrol it at once the second finds it enrolled.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_NAME_OF_A_REGION, slug])
    return Region.objects.select_for_update(no_key=True).filter(slug=slug).first()


def _is_in_service(region: Region) -> bool:
    return region.is_enrolled and region.retired_at is None


def _describe(region: Region, name: str, coordinates: tuple[float, float] | None) -> None:
    region.name = name or region.name or region.slug
    if coordinates is not None:
        region.latitude, region.longitude = coordinates
    region.full_clean()


def _admit(region: Region, keys: RegionKeys, now: datetime) -> None:
    before = region.condition
    if region.retired_at is not None:
        new = Region()
        for name in _OF_THE_LAST_TIME:
            setattr(region, name, getattr(new, name))
    region.save()
    _end(region, at=now, now=now)  # of one that was retired before its keys were rows of their own
    _add(region, keys, now)
    conditions.note(region, before, now=now, detail="enrolled")
    region.save(update_fields=["verify_key", "box_public_key", "condition_since"])
    verdicts.lapse_seen_from([region.pk], now=now)


def _add(region: Region, keys: RegionKeys, now: datetime) -> None:
    """Make `keys` the region's current ones, in the table and in `region`, which is not saved."""
    public = keys.public
    row = RegionKey(region=region, verify_key=public.verify_key_text, box_public_key=public.box_key_text, made_at=now)
    secrets.keep_box_key(row, keys.box_key)
    row.save(force_insert=True)
    region.verify_key, region.box_public_key = public.verify_key_text, public.box_key_text


def _end(region: Region, *, at: datetime, now: datetime) -> None:
    """Have the keys that count end at `at`, or when they were to end before. What ends now is forgotten as well."""
    for row in region.keys.valid(now).select_for_update(no_key=True):
        row.valid_until = min(at, row.valid_until or at)
        if row.valid_until <= now:
            row.box_private_encrypted = b""
        row.save(update_fields=["valid_until", "box_private_encrypted"])
