"""The control plane about itself."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone


class MessageRefusal(models.Model):
    """How many messages, or parts of one, were refused from a queue for one cause. Counts only grow."""

    queue = models.CharField(max_length=60)
    cause = models.CharField(max_length=40)
    count = models.PositiveBigIntegerField(default=0)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    last_detail = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["queue", "cause"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["queue", "cause"], name="refusal_is_one_per_queue_and_cause"),
            models.CheckConstraint(
                condition=Q(first_seen_at__lte=F("last_seen_at")), name="refusal_first_before_last"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.queue}: {self.count} {self.cause}"


class ControlBeat(models.Model):
    """The one row that the tick stamps: how others know that beat and a control worker are alive.

    `running_since` is when the ticks began that come without a gap. `results_empty_at` and `heartbeats_empty_at` are
    when a tick last saw that nothing waits to be read in that queue; null before it was ever seen.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    ticked_at = models.DateTimeField()
    running_since = models.DateTimeField(default=timezone.now, db_default=Now())
    results_empty_at = models.DateTimeField(null=True, blank=True)
    heartbeats_empty_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(id=1), name="control_beat_is_one_row"),
        ]

    def __str__(self) -> str:
        return f"ticked at {self.ticked_at:%Y-%m-%d %H:%M:%S}"
