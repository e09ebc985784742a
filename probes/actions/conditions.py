"""Changes of a region's condition: each is one event, and moves the verdicts it has a say in."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from probes.actions import notices, verdicts
from probes.models import Region, RegionEvent
from probes.policy.liveness import RegionCondition
from probes.protocol.errors import clean_text
from probes.protocol.outcome import rfc3339
from probes.selectors.regions import last_round

_LONGEST_DETAIL: Final = 300
_log = logging.getLogger(__name__)


@contextmanager
def changing(chosen: QuerySet[Region], *, now: datetime, detail: str = "") -> Iterator[list[Region]]:
    """Lock the chosen regions and let the caller set fields of them; at the end store them and note what changed.

    In one transaction. `detail` says why, where the region's own signs do not.
    """
    with transaction.atomic():
        regions = list(chosen.order_by("pk").select_for_update(no_key=True))
        before = {region.pk: region.condition for region in regions}
        yield regions
        turned: list[int] = []
        for region in regions:
            changed = note(region, before[region.pk], now=now, detail=detail)
            region.save()
            if changed and before[region.pk].votes is not region.condition.votes:
                turned.append(region.pk)
        if turned:  # all at once: a second look would lock verdicts out of their order
            verdicts.lapse_seen_from(turned, now=now)


def note(region: Region, before: RegionCondition, *, now: datetime, detail: str = "") -> bool:
    """Write the event if the condition of a stored region is not `before`, and tell so; the region is not saved."""
    after = region.condition
    if after is before:
        return False
    region.condition_since = now
    said = clean_text(detail or _found(region), _LONGEST_DETAIL)  # a region has a say in it
    event = RegionEvent.objects.create(region=region, at=now, before=before, after=after, detail=said)
    notices.announce_region(event, region, now=now)
    level = logging.INFO if after is RegionCondition.ACTIVE else logging.WARNING
    _log.log(level, "region %s is %s, and was %s%s", region.slug, after, before, said and f": {said}")
    return True


def note_worker(
    region: Region, worker: str, before: RegionCondition, after: RegionCondition, *, now: datetime, detail: str
) -> None:
    """Write the event of one worker whose condition changed, while its region's did not."""
    said = clean_text(detail, _LONGEST_DETAIL)
    event = RegionEvent.objects.create(region=region, worker=worker, at=now, before=before, after=after, detail=said)
    notices.announce_region(event, region, now=now)
    level = logging.INFO if after is RegionCondition.ACTIVE else logging.WARNING
    _log.log(level, "a worker of region %s is %s, and was %s: %s", region.slug, after, before, said)


def _found(region: Region) -> str:
    """Return what a region's signs say about the condition that was found from them."""
    match region.condition:
        case RegionCondition.SILENT if region.silent_since:
            # Not said before all that came was read: `policy.liveness.Hearing`.
            return f"no heartbeat since {rfc3339(region.silent_since)}, and none waits to be read"
        case RegionCondition.EGRESS_DOWN:
            return f"no canary answers: {_canaries(region)}"
        case RegionCondition.LATE:
            return f"batches wait {region.queue_lag_seconds or 0.0:.0f} s in the queue, or expire there"
        case _:
            return ""


def _canaries(region: Region) -> str:
    """Return how the canaries that were asked last failed, as codes."""
    latest = last_round(region)
    if latest is None:
        return "none is known"
    return ", ".join(f"{canary.url} {canary.error or canary.http_status}" for canary in latest.canaries)
