"""Which version of messages the workers of a region understand."""

from collections.abc import Collection, Mapping
from datetime import datetime

from probes.models import Region
from probes.policy.liveness import SILENT_AFTER
from probes.protocol import versions


def read_by(region_ids: Collection[int], *, now: datetime) -> Mapping[int, int]:
    """Return for each region the newest version that all its live workers read. One query.

    The oldest where none lives: whoever comes next can read that. A worker may be alive for as long after its last
    heartbeat as a region is not silent.
    """
    heartbeats = Region.objects.filter(pk__in=region_ids).values_list("pk", "heartbeat")
    return {
        pk: versions.common(
            worker.get("speaks", [versions.OLDEST])
            for worker in heartbeat.get("workers", {}).values()
            if now - datetime.fromisoformat(worker["received_at"]) <= SILENT_AFTER
        )
        for pk, heartbeat in heartbeats
    }
