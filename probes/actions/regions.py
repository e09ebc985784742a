"""Regions: enrolment, pausing, and their signs of life."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from probes.actions import envelopes, verdicts
from probes.models import Region
from probes.protocol.batch import MAX_HEARTBEAT_BYTES, Heartbeat
from probes.trust.envelope import Kind
from probes.trust.keys import ControlKeys, KeyFileError, RegionKeys
from probes.trust.refusal import RefusalCause, Refused

SILENT_AFTER_SECONDS: Final = 60
WORKERS_REMEMBERED: Final = 20
_CLOCK_TOLERANCE: Final = timedelta(days=1)


def enroll(slug: str, name: str = "", *, new_keys: bool = False) -> tuple[Region, Path]:
    """Give a region its keys, and return it with the path of its worker's key file (0600).

    Can run at every start: keys that both sides know are kept, and a retired region is back. `name` empty keeps
    the name. `new_keys` makes new ones in any case, and so shuts out a worker that has the old ones. Raises
    `ValidationError` for a slug that cannot be, `KeyFileError` for a file that cannot be used or is not the region's.
    """
    control = ControlKeys.load(settings.KAIROS_CONTROL_KEY_FILE)
    path = Path(settings.KAIROS_REGION_KEYS_DIR) / f"{slug}.json"
    with transaction.atomic():
        region = Region.objects.select_for_update(no_key=True).filter(slug=slug).first() or Region(slug=slug)
        region.name = name or region.name or slug
        region.full_clean()
        is_kept = path.exists() and not new_keys
        own = RegionKeys.load(path) if is_kept else RegionKeys.generate(slug, control.verify_key)
        # The control plane's key may have changed since the file was written.
        keys = RegionKeys(slug, control.verify_key, own.signing_key, own.box_key)
        public = (keys.public.verify_key_text, keys.public.box_key_text)
        if region.is_enrolled and not new_keys and public != (region.verify_key, region.box_public_key):
            raise KeyFileError(
                f"{path}: region {slug} has other keys than this file; put the right one there, "
                f"or make new ones: manage.py enroll_region {slug} --new-keys"
            )
        region.verify_key, region.box_public_key = public
        region.retired_at = None
        region.save()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        keys.save(path)
    return region, path


def pause(region_ids: Iterable[int], *, now: datetime) -> int:
    """Send regions no more checks and take their votes; returns how many were not paused before."""
    return _change(Region.objects.filter(pk__in=list(region_ids), paused_at=None), now, paused_at=now)


def resume(region_ids: Iterable[int], *, now: datetime) -> int:
    """Undo a pause; returns how many were paused."""
    return _change(Region.objects.filter(pk__in=list(region_ids), paused_at__isnull=False), now, paused_at=None)


def retire(region_ids: Iterable[int], *, now: datetime) -> int:
    """Give regions up, until they are enrolled again; returns how many were not retired before."""
    return _change(Region.objects.filter(pk__in=list(region_ids), retired_at=None), now, retired_at=now)


def record_heartbeat(envelope: object, *, now: datetime) -> Region:
    """Take a sign of life. Raises `Refused`, and then nothing is stored."""
    region, body = envelopes.opened(envelope, Kind.HEARTBEAT, max_bytes=MAX_HEARTBEAT_BYTES)
    try:
        heartbeat = Heartbeat.from_json(body)
    except ValueError as error:
        raise Refused(RefusalCause.MALFORMED, str(error)[:200]) from None
    if heartbeat.region != region.slug:
        raise Refused(RefusalCause.WRONG_RECIPIENT, "the heartbeat names another region than its envelope")
    with transaction.atomic():
        region = Region.objects.select_for_update(no_key=True).get(pk=region.pk)
        workers: dict[str, Any] = region.heartbeat.get("workers", {})
        _refuse_replay(heartbeat, workers)
        latest = {**heartbeat.to_json(), "received_at": now.isoformat()}
        others = [item for worker, item in workers.items() if worker != heartbeat.worker]
        newest_first = sorted([latest, *others], key=lambda item: str(item["received_at"]), reverse=True)
        region.heartbeat = {"workers": {item["worker"]: item for item in newest_first[:WORKERS_REMEMBERED]}}
        region.last_seen_at, region.silent_since = now, None
        region.save(update_fields=["heartbeat", "last_seen_at", "silent_since"])
    return region


def note_silence(*, now: datetime) -> list[str]:
    """Take the votes of the regions that fell silent since this was last asked; return their slugs."""
    cutoff = now - timedelta(seconds=SILENT_AFTER_SECONDS)
    fallen = Region.objects.active().filter(silent_since=None, last_seen_at__lt=cutoff)
    if slugs := list(fallen.values_list("slug", flat=True)):
        _change(fallen.filter(slug__in=slugs), now, silent_since=F("last_seen_at"))
    return slugs


def _change(regions: QuerySet[Region], now: datetime, **values: Any) -> int:
    with transaction.atomic():
        ids = list(regions.select_for_update(no_key=True).values_list("pk", flat=True))
        Region.objects.filter(pk__in=ids).update(**values)
        verdicts.lapse_seen_from(ids, now=now)
    return len(ids)


def _refuse_replay(heartbeat: Heartbeat, workers: dict[str, Any]) -> None:
    """Refuse what was heard before, by the region's own numbers: its clock is compared only with itself."""
    known = workers.get(heartbeat.worker)
    if known is not None and heartbeat.sequence <= known["sequence"]:
        raise Refused(RefusalCause.REPLAYED, f"heartbeat {heartbeat.sequence} of a worker")
    if known is None and workers:
        oldest = min(datetime.fromisoformat(item["sent_at"]) for item in workers.values())
        if heartbeat.sent_at < oldest - _CLOCK_TOLERANCE:
            raise Refused(RefusalCause.REPLAYED, "a heartbeat of a worker long gone")
