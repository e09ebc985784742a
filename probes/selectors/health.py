"""What `/readyz` needs to know of the database: whether beat and a control worker live, and any region at all."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from probes.models import ControlBeat, Region

LATE_AFTER: Final = timedelta(seconds=15)
"""The tick comes each second; one that has not come for so long is not merely busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Facts at one moment. `ticked_at` is None before the first tick; the slugs are of regions in service."""

    now: datetime
    ticked_at: datetime | None
    regions_alive: tuple[str, ...]
    regions_silent: tuple[str, ...]

    @property
    def is_ticking(self) -> bool:
        return self.ticked_at is not None and self.now - self.ticked_at < LATE_AFTER

    @property
    def is_ready(self) -> bool:
        """Whether checks are handed out and at least one region takes them."""
        return self.is_ticking and bool(self.regions_alive)


def readiness(now: datetime) -> Readiness:
    """Return the facts. Two queries; raises `django.db.OperationalError` without a database.

    A region lives from its first heartbeat until it has been noted as silent.
    """
    ticked_at = ControlBeat.objects.values_list("ticked_at", flat=True).first()
    regions = Region.objects.active().values_list("slug", "last_seen_at", "silent_since")
    alive = {slug for slug, seen_at, silent_since in regions if seen_at is not None and silent_since is None}
    return Readiness(
        now=now,
        ticked_at=ticked_at,
        regions_alive=tuple(sorted(alive)),
        regions_silent=tuple(sorted({slug for slug, _, _ in regions} - alive)),
    )
