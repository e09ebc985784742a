"""Whether checks are being made at all."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from probes.models import Region
from probes.models.control import ControlBeat


@dataclass(frozen=True, slots=True)
class Pulse:
    """When the last tick ran, None before the first, and when we last heard of an active region.

    Those that are silent do not count: `heard_at` is None where there is no other.
    """

    ticked_at: datetime | None
    heard_at: datetime | None


def pulse() -> Pulse:
    beat = ControlBeat.objects.values_list("ticked_at", flat=True).first()
    living = Region.objects.active().filter(silent_since=None)
    return Pulse(ticked_at=beat, heard_at=living.aggregate(heard_at=Max("last_seen_at"))["heard_at"])
