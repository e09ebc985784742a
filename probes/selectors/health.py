"""Whether checks are being made at all."""

from dataclasses import dataclass
from datetime import datetime

from probes.models import Region
from probes.models.control import ControlBeat


@dataclass(frozen=True, slots=True)
class Pulse:
    """When the last tick ran, None before the first, and how many active regions were heard of and are not silent."""

    ticked_at: datetime | None
    living_regions: int


def pulse() -> Pulse:
    beat = ControlBeat.objects.values_list("ticked_at", flat=True).first()
    living = Region.objects.active().filter(last_seen_at__isnull=False, silent_since=None).count()
    return Pulse(ticked_at=beat, living_regions=living)
