"""Numbers that only grow, for whoever asks again and again how fast: `/metrics`."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from probes.policy.counting import Counted


class Counter(models.Model):
    """How often something happened since Kairos was installed: the `counts` of one series (`policy.counting.Series`).

    `counts` is one number, or of durations one for each bucket, and `seconds` is their sum. Rows change in the
    transaction in which what they count happens, so each thing counts once. 0 stands for no region or no registry;
    there are no foreign keys, and whoever reads leaves out what was deleted.
    """

    pk = models.CompositePrimaryKey("counted", "key", "region_id", "registry_id")
    counted = models.CharField(max_length=16, choices=[(item.value, item.value) for item in Counted])
    key = models.CharField(max_length=16)
    region_id = models.BigIntegerField(default=0)
    registry_id = models.BigIntegerField(default=0)
    counts = ArrayField(models.BigIntegerField())
    seconds = models.FloatField(default=0.0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(counted__in=[item.value for item in Counted]), name="counter_counts_what_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.counted} {self.key} from {self.region_id or 'anywhere'}: {sum(self.counts)}"
