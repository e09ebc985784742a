"""The dispatch ledger: what was sent to which region, and what became of it."""

import uuid
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from probes.models.region import Region
from probes.protocol.taxonomy import Depth


class Batch(models.Model):
    """One message of plans to one region: the only licence under which its findings are taken.

    States of a row:
    - sent: committed, and published right after; until its report comes or its time is over;
    - reported: the report came, at `reported_at`. A second one is refused as replayed. What it returned is in another
      row, with `is_second`, and is not handed out a third time;
    - lost: no report came until some time after `expires_at`. A late one is still taken: then it is reported.

    `resource_ids[i]` was to be checked for `slots[i]`, at `depth` where somebody asked for one. It is counted for
    `accounts[i]` of the quota ledger, from which `charges[i]` was taken in advance where that is limited, and was
    lowered to a resolve where `lowered` names it. `run_id` is set where somebody waits for it: the checks of a probe
    are of no resource, and go by a number below zero (`Run`). Rows are dropped a day after they were issued.
    """

    class State(models.TextChoices):
        SENT = "sent"
        REPORTED = "reported"
        LOST = "lost"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="batches")
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    resource_ids = ArrayField(models.BigIntegerField())
    slots = ArrayField(models.DateTimeField())
    state = models.CharField(max_length=8, choices=State, default=State.SENT)
    reported_at = models.DateTimeField(null=True, blank=True)
    depth = models.CharField(
        max_length=16, null=True, blank=True, choices=[(item.value, item.value) for item in Depth]
    )
    accounts = ArrayField(models.BigIntegerField(), default=list, db_default=[])
    charges = ArrayField(models.IntegerField(), default=list, db_default=[])
    lowered = ArrayField(models.BigIntegerField(), default=list, db_default=[])
    run_id = models.BigIntegerField(null=True, blank=True, help_text="The run that it was drawn up for.")
    is_second = models.BooleanField(default=False, help_text="Made of checks that a worker returned when it stopped.")

    class Meta:
        verbose_name_plural = "batches"
        ordering = ["-issued_at"]
        indexes: ClassVar = [
            models.Index(fields=["issued_at"], name="batch_issued"),
            models.Index(fields=["expires_at"], condition=Q(state="sent"), name="batch_outstanding"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=["sent", "reported", "lost"]), name="batch_state_is_known"),
            models.CheckConstraint(
                condition=Q(state="reported", reported_at__isnull=False) | ~Q(state="reported") & Q(reported_at=None),
                name="batch_reported_has_its_time",
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("issued_at")), name="batch_expires_after_issue"),
            models.CheckConstraint(
                condition=Q(resource_ids__len=F("slots__len")), name="batch_slots_match_resources"
            ),
            models.CheckConstraint(
                condition=Q(accounts=[]) | Q(accounts__len=F("slots__len")), name="batch_accounts_match_slots"
            ),
            models.CheckConstraint(
                condition=Q(charges=[]) | Q(charges__len=F("slots__len")), name="batch_charges_match_slots"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} to {self.region.slug}"
