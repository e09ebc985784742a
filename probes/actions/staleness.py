"""What a source lists no more: marked as stale, retired after a grace, and brought back.

Nothing is deleted: history stays, whatever a source says or cannot say.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F

from probes.actions import resources
from probes.models import Resource

_AT_ONCE: Final = 1000


def mark_stale(resource_ids: Iterable[int], *, now: datetime) -> int:
    """Note that a source lists these no more; they are checked on. Returns how many were not stale before."""
    fresh = Resource.objects.filter(pk__in=list(resource_ids), stale_at=None, retired_at=None)
    return fresh.update(stale_at=now)


def unmark(resource_ids: Iterable[int]) -> int:
    """Note that a source lists these again; returns how many were stale. What is retired has to be restored."""
    stale = Resource.objects.filter(pk__in=list(resource_ids), stale_at__isnull=False, retired_at=None)
    return stale.update(stale_at=None)


def retire(resource_ids: Iterable[int], *, now: datetime) -> int:
    """Stop checking and counting these; returns how many were not retired before.

    An incident that is open is over with the next reap, as `retired`. What is on its way still arrives.
    """
    with transaction.atomic():
        active = Resource.objects.filter(pk__in=list(resource_ids), retired_at=None).order_by("pk")
        paused_at = dict(active.select_for_update(no_key=True).values_list("pk", "paused_at"))
        # A pause of before goes on, to its own end where it has one: that counts again once this is restored.
        resources.pause([pk for pk, since in paused_at.items() if since is None], now=now)
        return Resource.objects.filter(pk__in=paused_at).update(retired_at=now)


def retire_stale(*, grace: timedelta, now: datetime) -> int:
    """Retire what has been stale for longer than `grace`, at most a thousand at once; returns how many.

    What somebody holds meanwhile is left for the next time: it may be just listed again.
    """
    overdue = Resource.objects.filter(stale_at__lte=now - grace, retired_at=None).order_by("pk")
    with transaction.atomic():
        held = overdue.select_for_update(no_key=True, skip_locked=True).values_list("pk", flat=True)
        return retire(list(held[:_AT_ONCE]), now=now)


def restore(resource_ids: Iterable[int], *, now: datetime) -> int:
    """Bring these back, neither stale nor retired; returns how many were retired.

    They are due at once, but for those that somebody had paused before they were retired.
    """
    with transaction.atomic():
        retired = Resource.objects.filter(pk__in=list(resource_ids), retired_at__isnull=False).order_by("pk")
        ids = list(retired.select_for_update(no_key=True).values_list("pk", flat=True))
        chosen = Resource.objects.filter(pk__in=ids)
        paused_by_it = list(chosen.filter(paused_at=F("retired_at")).values_list("pk", flat=True))
        chosen.update(retired_at=None, stale_at=None)
        resources.resume(paused_by_it, now=now)
        return len(ids)
