"""Which version of messages the workers of a region understand."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from probes.models import Region
from probes.protocol import versions

LIVES_FOR: Final = timedelta(seconds=60)
"""So long after its last heartbeat a worker may still take a batch."""


def read_by(region_ids: Collection[int], *, now: datetime) -> Mapping[int, int]:
    """Return for each region the newest version that all its live workers read. One query.

    The oldest where none lives: whoever comes next can read that.
    """
    heartbeats = Region.objects.filter(pk__in=region_ids).values_list("pk", "heartbeat")
    return {
        pk: versions.common(
            worker.get("speaks", [versions.OLDEST])
            for worker in heartbeat.get("workers", {}).values()
            if now - datetime.fromisoformat(worker["received_at"]) <= LIVES_FOR
        )
        for pk, heartbeat in heartbeats
    }
