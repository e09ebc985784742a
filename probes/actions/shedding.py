"""Sparing regions that cannot keep up, and sending them more again when they can."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Q

from probes.actions import verdicts
from probes.models import Region
from probes.policy.shedding import Pace, next_pace

_ORDINALS: Final = {1: "", 2: "2nd ", 4: "4th ", 8: "8th ", 16: "16th "}


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A region that is sent another share of its slots from now on: every `after`-th instead of every `before`-th."""

    region: str
    before: int
    after: int
    lag_seconds: float

    def __str__(self) -> str:
        after, before = (f"every {_ORDINALS[stride]}slot" for stride in (self.after, self.before))
        return f"region {self.region} is sent {after} instead of {before}: its queue lags {self.lag_seconds:.0f} s"


def adjust_strides(*, now: datetime) -> list[Adjusted]:
    """Look at every region that is late, or was; return those whose stride changed.

    Their votes stay fresh for longer or shorter than before, so the verdicts they have a say in are computed again.
    """
    concerned = Region.objects.active().filter(Q(late_since__isnull=False) | Q(stride__gt=1))
    adjusted: list[Adjusted] = []
    with transaction.atomic():
        changed: list[int] = []
        present = concerned.filter(silent_since=None, egress_down_since=None).order_by("pk")  # as all lock regions
        for region in present.select_for_update(no_key=True):
            before = Pace.from_json(region.stride, region.pace)
            lag_seconds = region.queue_lag_seconds or 0.0
            after = next_pace(before, is_late=region.late_since is not None, lag_seconds=lag_seconds, now=now)
            if after == before:
                continue
            region.stride, region.pace = after.stride, after.to_json()
            region.save(update_fields=["stride", "pace"])
            if after.stride != before.stride:
                adjusted.append(Adjusted(region.slug, before.stride, after.stride, lag_seconds))
                changed.append(region.pk)
        if changed:
            verdicts.lapse_seen_from(changed, now=now)
    return adjusted
