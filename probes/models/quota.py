"""The quota ledger: what registries let us have, what we took of it, and what monitoring costs."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from probes.models.credential import Credential
from probes.models.region import Region
from probes.models.registry import Registry
from probes.models.resource import Resource


class QuotaAccount(models.Model):
    """Whom a registry counts requests for: a login, or an address that regions come from without one.

    Made by the first check that is drawn up for it. `egress` is the address as `policy.quota_limits.place` has it, or
    the region's slug while its address is not known; empty with a credential, which counts wherever it is used from.
    `regions` are the slugs of those that were last known to come from there.

    States of a row:
    - untold: `read_at` is null; no outcome has met the registry yet;
    - unlimited: `read_at` is set and `limit` is null: the registry answered and spoke of no limit;
    - limited: both are set. `remaining` was left at `read_at`, for everybody who shares the account.

    These are what was last told, whichever region it was. Each goes by what it was told itself: `readings`
    (`policy.hearsay.Readings`). `source` is what most of them were told. A limit that an operator set in the
    registry's settings goes before all of these. `buckets` is what each region took in each part of the window
    (`policy.quota.Bucket`), kept only while a limit is known. `short_since` is since when there is less
    than our checks want, `short_at` when that was last so.
    """

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="quota_accounts")
    credential = models.ForeignKey(
        Credential, on_delete=models.CASCADE, null=True, blank=True, related_name="quota_accounts"
    )
    egress = models.CharField(max_length=64, blank=True)
    regions = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    limit = models.PositiveIntegerField(null=True, blank=True)
    remaining = models.PositiveIntegerField(null=True, blank=True)
    window_seconds = models.PositiveIntegerField(null=True, blank=True)
    source = models.CharField(max_length=64, blank=True, help_text="Whom the registry says that it counts.")
    read_at = models.DateTimeField(null=True, blank=True)
    readings = models.JSONField(default=list, db_default=[], blank=True)
    buckets = models.JSONField(default=list, blank=True)
    lowered = models.PositiveBigIntegerField(default=0, help_text="Checks that were lowered to a resolve so far.")
    put_off = models.PositiveBigIntegerField(default=0, help_text="Slots that were put off so far.")
    short_since = models.DateTimeField(null=True, blank=True)
    short_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["registry", "credential", "egress"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["registry", "credential"],
                condition=Q(credential__isnull=False),
                name="quota_account_is_one_per_credential",
            ),
            models.UniqueConstraint(
                fields=["registry", "egress"], condition=Q(credential=None), name="quota_account_is_one_per_address"
            ),
            models.CheckConstraint(
                condition=Q(credential__isnull=False, egress="") | Q(credential=None) & ~Q(egress=""),
                name="quota_account_is_of_a_login_or_an_address",
            ),
            models.CheckConstraint(
                condition=Q(read_at__isnull=False)
                | Q(read_at=None, limit=None, remaining=None, window_seconds=None, source=""),
                name="quota_account_reading_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(short_since=None, short_at=None) | Q(short_since__isnull=False, short_at__isnull=False),
                name="quota_account_is_short_since_and_at",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.registry}, {self.credential or f'anonymous from {self.egress}'}"


class QuotaWait(models.Model):
    """A resource that waits in a region for its turn at an account (`policy.rationing`). One row at most for each.

    `deep_since` says since when it waits to be looked at in depth, which is expected to cost `cost`; `off_since`
    since when its slots are put off, until one for `least` (null where a resolve would not do). It keeps its place
    `until` some slots have passed without it, as when it was paused. `holds_until` is set once it was at the head of
    its line and found no room there: till then it keeps what there is from all behind it, shortly before its slots.
    """

    account = models.ForeignKey(QuotaAccount, on_delete=models.CASCADE, related_name="waits")
    resource = models.ForeignKey(Resource, on_delete=models.CASCADE, related_name="quota_waits")
    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="quota_waits")
    cost = models.PositiveIntegerField()
    least = models.PositiveIntegerField(null=True, blank=True)
    deep_since = models.DateTimeField(null=True, blank=True)
    off_since = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField()
    holds_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["account", "off_since", "deep_since"]
        indexes: ClassVar = [
            models.Index(
                fields=["account", "region", "off_since", "deep_since", "resource"],
                name="quota_wait_line_of_a_region",
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["resource", "region"], name="quota_wait_is_one"),
            models.CheckConstraint(
                condition=Q(deep_since__isnull=False) | Q(off_since__isnull=False), name="quota_wait_is_for_something"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource_id} from {self.region_id}"


class _Costs(models.Model):
    """A day (of UTC) of checks: how many there were, their requests, and what counts against a quota.

    A thousand requests a check at most, and a login's account takes those of all regions: 31 bits are too few.
    """

    day = models.DateField()
    checks = models.PositiveBigIntegerField()
    requests = models.PositiveBigIntegerField()
    counted = models.PositiveBigIntegerField()

    class Meta:
        abstract = True


class AccountCosts(_Costs):
    """What a day's checks cost an account. Grows with each report; dropped when outcomes are."""

    account = models.ForeignKey(QuotaAccount, on_delete=models.CASCADE, related_name="costs")

    class Meta:
        verbose_name_plural = "account costs"
        ordering = ["-day", "account"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "day"], name="account_costs_are_one_per_day"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} on {self.day}: {self.requests}"


class ResourceCosts(_Costs):
    """What a day's checks of a resource cost, from everywhere. Likewise."""

    resource = models.ForeignKey(Resource, on_delete=models.CASCADE, related_name="costs")

    class Meta:
        verbose_name_plural = "resource costs"
        ordering = ["-day", "resource"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["resource", "day"], name="resource_costs_are_one_per_day"),
        ]

    def __str__(self) -> str:
        return f"{self.resource_id} on {self.day}: {self.requests}"
