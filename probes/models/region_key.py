"""The keys of a region: whose signatures are taken, and whom secrets are sealed to."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from probes.models.audited import audited
from probes.models.region import Region


class RegionKeyQuerySet(models.QuerySet["RegionKey"]):
    def valid(self, now: datetime) -> "RegionKeyQuerySet":
        """Keys that count at `now`, the oldest first: secrets are sealed to that one."""
        return self.filter(Q(valid_until=None) | Q(valid_until__gt=now)).order_by("made_at", "pk")


@audited(
    told=("region", "verify_key", "box_public_key", "made_at", "valid_until"),
    masked=("box_private_encrypted",),
    unwatched=("first_used_at", "last_used_at"),
)
class RegionKey(models.Model):
    """The two public keys of one key file, and how far the file has come into use.

    States of a row:
    - current: `valid_until` is null; a region that is not retired has exactly one such key;
    - replaced: a newer one was made; counts until `valid_until`, which comes earlier when nobody signs with it;
    - ended: `valid_until` has come. What is signed with it is refused; its private half is forgotten.

    The signing key's private half is only in the file. The box key's is kept, encrypted as registry secrets are: the
    next key file holds it too, so that what was sealed before the change still opens (ADR 21).
    """

    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="keys")
    verify_key = models.TextField(unique=True, editable=False, help_text="Ed25519, base64: checks signatures.")
    box_public_key = models.TextField(editable=False, help_text="X25519, base64: seals secrets.")
    box_private_encrypted = models.BinaryField(default=b"", editable=False)
    made_at = models.DateTimeField()
    first_used_at = models.DateTimeField(null=True, blank=True, help_text="When a worker first signed with it.")
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="When a heartbeat with it last arrived.")
    valid_until = models.DateTimeField(null=True, blank=True)

    objects = RegionKeyQuerySet.as_manager()

    class Meta:
        ordering = ["region", "made_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["region"], condition=Q(valid_until=None), name="region_key_current_is_one"
            ),
            models.CheckConstraint(condition=~Q(verify_key="") & ~Q(box_public_key=""), name="region_key_is_a_pair"),
            models.CheckConstraint(
                # Said of both that they are there: a check that comes out null would hold.
                condition=Q(first_used_at=None, last_used_at=None)
                | Q(first_used_at__isnull=False, last_used_at__isnull=False)
                & Q(first_used_at__lte=F("last_used_at")),
                name="region_key_uses_are_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.region.slug}, made {self.made_at:%Y-%m-%d %H:%M}"
