"""Slots without an outcome."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from probes.models.region import Region
from probes.models.resource import Resource
from probes.policy.slots import MissedCause


class MissedSlots(models.Model):
    """`count` slots of a resource that have no outcome, from the first to the last, and why.

    States of a row, by cause:
    - downtime: the control plane was down; concerns every region, so `region` is null;
    - shed: never sent to this region; grows while that lasts. With a `stride` of 1 its queue was full. With a greater
      one it cannot keep up: of the slots in the range those whose number the stride divides were sent, and all others
      were not (`policy.shedding`);
    - outdated: never sent to this region, one of whose workers is of a version that cannot read it; grows likewise;
    - quota: never sent to this region: no more of the registry's quota is ours (`policy.rationing`); grows likewise;
    - lost, expired: one slot that was sent, and came to nothing although the region was heard while there was time
      for it, or because it was not. The row goes when an outcome for it arrives after all.
    """

    resource = models.ForeignKey(Resource, on_delete=models.CASCADE, related_name="missed_slots")
    region = models.ForeignKey(Region, on_delete=models.CASCADE, null=True, blank=True, related_name="missed_slots")
    first_slot = models.DateTimeField()
    last_slot = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)
    cause = models.CharField(max_length=8, choices=[(item.value, item.value) for item in MissedCause])
    stride = models.PositiveSmallIntegerField(default=1)

    class Meta:
        verbose_name_plural = "missed slots"
        ordering = ["-last_slot"]
        indexes: ClassVar = [
            models.Index(fields=["resource", "-last_slot"], name="missed_of_resource"),
            models.Index(fields=["last_slot"], name="missed_age"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(cause__in=[item.value for item in MissedCause]), name="missed_cause_is_known"
            ),
            models.CheckConstraint(
                condition=Q(count=1, first_slot=F("last_slot")) | Q(count__gt=1, first_slot__lt=F("last_slot")),
                name="missed_count_fits_range",
            ),
            models.CheckConstraint(
                condition=Q(cause="downtime", region=None) | ~Q(cause="downtime") & Q(region__isnull=False),
                name="missed_region_fits_cause",
            ),
            models.CheckConstraint(
                condition=~Q(cause__in=["lost", "expired"]) | Q(count=1), name="missed_sent_is_one_slot"
            ),
            models.CheckConstraint(
                condition=Q(stride=1) | Q(stride__gt=1, cause="shed"), name="missed_stride_is_of_the_shed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count} of {self.resource_id} up to {self.last_slot:%Y-%m-%d %H:%M:%S}: {self.cause}"
