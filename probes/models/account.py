"""What a region logs in to the broker with, as far as the control plane keeps it."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from probes.models.audited import audited
from probes.models.region import Region
from probes.trust.accounts import Account


@audited(
    told=("region", "username", "made_at", "valid_until"),
    masked=("sha256", "salted_sha256"),
)
class BrokerAccount(models.Model):
    """One user of the broker. Its password is kept nowhere: these are its hashes, in the form of either broker.

    States of a row:
    - current: `valid_until` is null; there is at most one for a region;
    - ending: valid until then, while the region's workers move to a newer one; after that it is dropped. There may be
      several, each issued with keys of its own, which it does not outlive.

    A retired region has none.
    """

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="accounts")
    username = models.CharField(max_length=60, unique=True)
    sha256 = models.CharField(max_length=64)
    salted_sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["username"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["region"], condition=Q(valid_until=None), name="account_is_one_per_region"
            ),
            models.CheckConstraint(
                condition=Q(valid_until=None) | Q(valid_until__gte=F("made_at")), name="account_ends_after_it_is_made"
            ),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def account(self) -> Account:
        """The account as the broker's client takes it. Reads the region."""
        return Account(
            region=self.region.slug, username=self.username, sha256=self.sha256, salted_sha256=self.salted_sha256
        )
