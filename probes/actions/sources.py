"""Giving up sources."""

from collections.abc import Iterable

from django.db import transaction

from probes.models import Resource, Source


def delete(source_ids: Iterable[int]) -> int:
    """Delete sources; returns how many resources are changed by hand from now on.

    What they managed stays as it is. But nobody is left to list what was stale: it is checked on and not retired.
    What is retired stays so until it is restored.
    """
    doomed = list(source_ids)
    with transaction.atomic():
        # In the order of their ids, as by whoever pauses or retires them.
        managed = Resource.objects.filter(managed_by__in=doomed).order_by("pk").select_for_update(no_key=True)
        stale_at = dict(managed.values_list("pk", "stale_at"))
        stale = [pk for pk, since in stale_at.items() if since is not None]
        Resource.objects.filter(pk__in=stale, retired_at=None).update(stale_at=None)
        Source.objects.filter(pk__in=doomed).delete()
        return len(stale_at)
