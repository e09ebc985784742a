"""Regions: pausing and draining, and their signs of life."""

import logging
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from probes.actions import conditions, envelopes, quota_book, region_keys, workers
from probes.actions.workers import latch_of
from probes.actions.workers import remember as _remember
from probes.models import Region
from probes.models.control import ControlBeat
from probes.policy import liveness
from probes.policy.liveness import Hearing, Latch, Unread
from probes.protocol.batch import MAX_HEARTBEAT_BYTES, Heartbeat
from probes.selectors.workers import listed
from probes.trust.envelope import Kind
from probes.trust.refusal import RefusalCause, Refused

SETTINGS: Final = ("name", "latitude", "longitude")
"""What people say of a region that is there: a heartbeat may write the rest of its row meanwhile."""

_OTHER_WAY_FOR: Final = timedelta(hours=1)
"""So long after its last heartbeat among the reports a worker may still send the next one there."""

_log = logging.getLogger(__name__)


def save(region: Region, *, changed: Collection[str] = SETTINGS, with_manager: bool = False) -> None:
    """Store what people say of a region that `full_clean` has accepted, and nothing that it says of itself.

    `with_manager` stores besides which source says it.
    """
    region.save(update_fields={*(set(changed) & set(SETTINGS)), *(("managed_by",) if with_manager else ())})


def pause(region_ids: Iterable[int], *, now: datetime, detail: str = "") -> int:
    """Send regions no more checks and take their votes; returns how many were not paused before."""
    return _change(Region.objects.filter(pk__in=list(region_ids), paused_at=None), now, detail, paused_at=now)


def drain(region_ids: Iterable[int], *, now: datetime, detail: str = "") -> int:
    """Let regions run out: no new checks, no vote; what is in flight is taken. Returns how many did not before."""
    return _change(Region.objects.filter(pk__in=list(region_ids), draining_at=None), now, detail, draining_at=now)


def resume(region_ids: Iterable[int], *, now: datetime, detail: str = "") -> int:
    """Undo a pause and a drain; returns how many there were."""
    chosen = Region.objects.filter(pk__in=list(region_ids)).exclude(paused_at=None, draining_at=None)
    return _change(chosen, now, detail, paused_at=None, draining_at=None)


def retire(region_ids: Iterable[int], *, now: datetime, detail: str = "") -> int:
    """Give regions up, until they are enrolled again; returns how many were not retired before."""
    ids = list(region_ids)
    with transaction.atomic():
        count = _change(Region.objects.filter(pk__in=ids, retired_at=None), now, detail, retired_at=now)
        quota_book.leave(ids)
    return count


def record_heartbeat(envelope: object, *, now: datetime, among_reports: bool = False) -> Region:
    """Take a sign of life, and what it says of the region's clock, queue and egress.

    `among_reports`: by their queue and not by that of heartbeats. Raises `Refused`, and then nothing is stored.
    """
    signed = envelopes.opened(envelope, Kind.HEARTBEAT, max_bytes=MAX_HEARTBEAT_BYTES, now=now)
    try:
        heartbeat = Heartbeat.from_json(signed.body)
    except ValueError as error:
        raise Refused(RefusalCause.MALFORMED, str(error)[:200]) from None
    if heartbeat.region != signed.region.slug:
        raise Refused(RefusalCause.WRONG_RECIPIENT, "the heartbeat names another region than its envelope")
    with conditions.changing(Region.objects.filter(pk=signed.region.pk), now=now) as (region,):
        if among_reports and workers.is_overtaken(region, heartbeat):
            return region
        workers.refuse_replay(region, heartbeat, now=now)
        workers.hear(region, heartbeat, now=now, among_reports=among_reports)
        _read_silence(region, now)
        region_keys.note_use(region, signed.key, now=now)
    return region


def note_silence(*, now: datetime, unread: Unread = Unread()) -> list[str]:  # noqa: B008 - frozen
    """Find the regions that fell silent since this was last asked, or were never heard at all; return their slugs.

    `unread` is what waited at the broker a moment ago. Nobody is silent whose heartbeats we may have missed or not
    read yet: see `Hearing`.
    """
    beat = ControlBeat.objects.first()
    hearing = Hearing(
        ticked_at=beat.ticked_at if beat else None,
        ticking_since=beat.running_since if beat else None,
        unread=unread,
    )
    since = now - liveness.SILENT_AFTER
    unheard = Q(last_seen_at__lt=since) | Q(last_seen_at=None, condition_since__lt=since)
    missing = Region.objects.in_service().filter(unheard, silent_since=None)
    fallen = [region.pk for region in missing if _is_silent(region, hearing, now)]
    if len(fallen) < len(missing) and (unread.heartbeats or unread.reports):
        _log.warning(
            "whether regions are silent cannot be told: %d heartbeats and %d reports wait to be read",
            unread.heartbeats,
            unread.reports,
        )
    if not fallen:
        return []
    with conditions.changing(missing.filter(pk__in=fallen), now=now) as regions:
        for region in regions:
            region.silent_since = region.last_seen_at or region.condition_since
            _remember(region, "silence", Latch(holds=True))
    return [region.slug for region in regions]


def _change(chosen: QuerySet[Region], now: datetime, detail: str, **values: datetime | None) -> int:
    with conditions.changing(chosen, now=now, detail=detail) as regions:
        for region in regions:
            for name, value in values.items():
                setattr(region, name, value)
    return len(regions)


def _is_silent(region: Region, hearing: Hearing, now: datetime) -> bool:
    heard_at = region.last_seen_at or region.condition_since
    if heard_at is None:
        return False  # `unheard` asks for one of them
    known = listed(region).values()
    # Who was never heard may send its first one either way. For the version before there was one way.
    others = [item for item in known if item.get("among_reports", True)]
    among_reports = not known or any(heard_at - workers.heard_at(item) < _OTHER_WAY_FOR for item in others)
    return liveness.is_silent(heard_at, hearing, now=now, among_reports=among_reports)


def _read_silence(region: Region, now: datetime) -> None:
    latch = latch_of(region, "silence", holds=region.silent_since is not None)
    if region.last_seen_at is not None and now - region.last_seen_at > liveness.SILENT_AFTER:
        latch = Latch(latch.holds)  # what was heard before that was not in a row with this
    latch = latch.read(False, liveness.SILENCE)
    if region.last_seen_at is None or now - region.last_seen_at > liveness.PAUSE:
        _remember_pause(region, now)
    region.last_seen_at = now
    if not latch.holds:
        region.silent_since = None
    _remember(region, "silence", latch)


def _remember_pause(region: Region, now: datetime) -> None:
    """Note for how long nothing was heard: `actions.missed` looks it up for batches that came to nothing."""
    since = region.last_seen_at.isoformat() if region.last_seen_at else None
    pauses = [*region.liveness.get("pauses", []), {"since": since, "until": now.isoformat()}]
    region.liveness = {**region.liveness, "pauses": pauses[-liveness.PAUSES_KEPT :]}
