"""What checks found: the one big table, one partition for each day of slots."""

from typing import ClassVar

from django.db import models

from probes.models.region import Region
from probes.models.resource import Resource
from probes.protocol.taxonomy import Confidence, Depth, Stage, Status


class Outcome(models.Model):
    """One outcome; never changed after it was written, dropped with its day's partition by retention.

    (resource, region, slot) names it and is the database's primary key. `id` is a surrogate, in order of
    arrival, that Django takes for its primary key because its admin cannot show composite ones (ADR 0007).

    `document` is the whole public document where it tells something new: the first outcome, one that is not
    available, one whose status, reason or digest differs from the one before. Null where all was as before.

    There are no foreign keys in the database: they would cost on every row, and outcomes of a deleted
    resource go with retention. Read through a join, which leaves such rows out.
    """

    id = models.BigAutoField(primary_key=True)
    resource = models.ForeignKey(
        Resource, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="outcomes"
    )
    region = models.ForeignKey(
        Region, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="outcomes"
    )
    slot = models.DateTimeField()
    checked_at = models.DateTimeField(help_text="When the check began, by our clock as far as the region's is known.")
    batch = models.UUIDField()
    duration_ms = models.IntegerField()
    status = models.CharField(max_length=16, choices=[(item.value, item.value) for item in Status])
    reason = models.CharField(max_length=40)
    stage = models.CharField(max_length=16, null=True, choices=[(item.value, item.value) for item in Stage])
    host = models.CharField(max_length=260, null=True)
    confidence = models.CharField(max_length=16, choices=[(item.value, item.value) for item in Confidence])
    depth = models.CharField(max_length=8, null=True, choices=[(item.value, item.value) for item in Depth])
    digest = models.CharField(max_length=140, null=True)
    document = models.JSONField(null=True)
    egress_down = models.BooleanField(
        default=False,
        db_default=False,
        help_text="The region had lost its way out: this says nothing about the image and has no vote.",
    )

    latency = models.BinaryField(
        null=True,
        help_text="Which bucket each duration fell into (`policy.latency.packed`); null where that was not kept.",
    )

    class Meta:
        ordering = ["-slot", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["resource", "region", "slot"], name="outcome_is_one_per_slot"),
        ]

    def __str__(self) -> str:
        return f"{self.resource_id} from {self.region_id} at {self.slot:%Y-%m-%d %H:%M:%S}: {self.status}"
