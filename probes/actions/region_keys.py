"""The keys of regions: which of them count, how far a new one has come into use, and when an old one ends.

They are changed with an overlap (ADR 21). Meanwhile signatures of every valid key are taken, and secrets are sealed
to the oldest, whose private half the newer key file holds as well.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest
from nacl.public import PublicKey
from nacl.signing import VerifyKey

from probes.models import Batch, Region, RegionKey
from probes.policy.liveness import SILENT_AFTER, Unread
from probes.trust.keys import decode_key, key_text

SETTLED_AFTER: Final = timedelta(minutes=2)
"""A replaced key ends when workers have signed with the current one for so long, and none with it. Twelve heartbeats,
and much more than a worker takes to stop: it beats until its last report has been sent, and one that it could not
send is lost with it."""

_SENT_WITHIN: Final = timedelta(hours=1)
"""What was handed out so long before a worker was heard last was reported since, or will never be: one that is back
from a broken link sends what it has within seconds."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A key that nobody signs with any more, or that was given up when its time was over."""

    region: str
    made_at: datetime


def verify_keys(slug: str, *, now: datetime) -> tuple[Region | None, list[VerifyKey]]:
    """Return a region that is not retired with the keys whose signatures are taken, the newest first. One query."""
    rows = RegionKey.objects.valid(now).reverse().filter(region__slug=slug, region__retired_at=None)
    keys = list(rows.select_related("region").defer("box_public_key", "box_private_encrypted"))
    return keys[0].region if keys else None, [VerifyKey(decode_key(key.verify_key)) for key in keys]


def box_keys(region_ids: Iterable[int], *, now: datetime) -> Mapping[int, PublicKey]:
    """Return for each region whom secrets are sealed to: the oldest valid key. A region without one is left out."""
    sealed_to: dict[int, PublicKey] = {}
    keys = RegionKey.objects.valid(now).filter(region__in=list(region_ids))
    for region_id, text in keys.values_list("region_id", "box_public_key"):
        sealed_to.setdefault(region_id, PublicKey(decode_key(text)))
    return sealed_to


def note_use(region: Region, key: VerifyKey, *, now: datetime) -> None:
    """Note that a live worker of the region signs with `key`."""
    region.keys.filter(verify_key=key_text(key)).update(
        # Control workers have clocks of their own, and the later one may be behind.
        first_used_at=Coalesce(F("first_used_at"), now),
        last_used_at=Greatest(F("last_used_at"), now),
    )


def end_replaced(*, now: datetime, unread: Unread = Unread()) -> list[Ended]:  # noqa: B008 - frozen
    """End the keys that no live worker signs with any more, and forget private halves that are of no more use.

    Returns those that ended since this was last asked, by disuse or by time. `unread` is what waited at the broker a
    moment ago: while anything does, it may be signed with any key, and none ends by disuse. Nor does one under which
    a report may come that is not there yet: see `_may_report`.
    """
    with transaction.atomic():
        kept = ~Q(valid_until=None) & (Q(valid_until__gt=now) | ~Q(box_private_encrypted=b""))
        replaced = list(
            RegionKey.objects.filter(kept).select_related("region").select_for_update(of=("self",), no_key=True)
        )
        current = {
            key.region_id: key
            for key in RegionKey.objects.filter(valid_until=None, region__in={key.region_id for key in replaced})
        }
        ended = [key for key in replaced if _is_over(key, current.get(key.region_id), unread, now)]
        for key in ended:
            key.valid_until = min(key.valid_until or now, now)
            key.box_private_encrypted = b""
            key.save(update_fields=["valid_until", "box_private_encrypted"])
    return [Ended(key.region.slug, key.made_at) for key in ended]


def _is_over(replaced: RegionKey, current: RegionKey | None, unread: Unread, now: datetime) -> bool:
    if replaced.valid_until is not None and replaced.valid_until <= now:
        return True
    return unread == Unread() and _is_disused(replaced, current, now) and not _may_report(replaced)


def _is_disused(replaced: RegionKey, current: RegionKey | None, now: datetime) -> bool:
    """Tell whether workers have signed with the current key for a while, and none with the one before."""
    if current is None or current.first_used_at is None or current.last_used_at is None:
        return False
    settled = now - SETTLED_AFTER
    if current.first_used_at > settled or _unused_since(replaced) > settled:
        return False
    # Heard lately, and all the time: a region that is silent as a whole may come back with either key, and its
    # workers come one after the other.
    return current.last_used_at > settled and not _was_silent(replaced.region, settled)


def _unused_since(key: RegionKey) -> datetime:
    return key.last_used_at or key.made_at


def _was_silent(region: Region, since: datetime) -> bool:
    """Tell whether a silence of the whole region ended after `since`, or it was heard then for the first time."""
    for pause in region.liveness.get("pauses", []):
        began, until = pause["since"], datetime.fromisoformat(pause["until"])
        if until > since and (began is None or until - datetime.fromisoformat(began) > SILENT_AFTER):
            return True
    return False


def _may_report(key: RegionKey) -> bool:
    """Tell whether the ledger waits for a report that a worker with this key may have signed, wherever that is.

    In the queue of reports, in the hands of a control worker, or with a worker that was cut off from the broker: it
    keeps them for as long as it lives. It gets no batches meanwhile, so what was handed out when nobody signed with
    the key any more does not count.
    """
    unused_since = _unused_since(key)
    handed_out = Batch.objects.filter(region=key.region_id, issued_at__lte=unused_since + SETTLED_AFTER)
    # Apart, each by its index: the ledger of a day may have millions.
    return (
        handed_out.filter(state=Batch.State.SENT).exists()
        or handed_out.filter(state=Batch.State.LOST, issued_at__gt=unused_since - _SENT_WITHIN).exists()
    )
