"""A vantage point, as the control plane knows it."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from probes.models import validation
from probes.models.audited import audited
from probes.models.checked import Checked
from probes.models.source import Managed
from probes.policy.liveness import Facts, RegionCondition
from probes.policy.shedding import STRIDES


class RegionQuerySet(models.QuerySet["Region"]):
    def in_service(self) -> "RegionQuerySet":
        """Regions that are listened to: enrolled and not retired."""
        return self.filter(retired_at=None).exclude(verify_key="")

    def active(self) -> "RegionQuerySet":
        """Regions that get checks: in service, neither paused nor draining. A silent region still gets them."""
        return self.in_service().filter(paused_at=None, draining_at=None)

    def away(self) -> "RegionQuerySet":
        """Regions of which no worker is known to take from the queue: silent, paused or retired."""
        return self.filter(Q(silent_since__isnull=False) | Q(paused_at__isnull=False) | Q(retired_at__isnull=False))


@audited(
    told=(
        "slug",
        "name",
        "latitude",
        "longitude",
        "verify_key",
        "box_public_key",
        "paused_at",
        "draining_at",
        "retired_at",
        "managed_by",
    ),
    unwatched=(
        "condition_since",
        "last_seen_at",
        "silent_since",
        "egress_down_since",
        "late_since",
        "queue_lag_seconds",
        "clock_offset_seconds",
        "clock_uncertainty_seconds",
        "liveness",
        "canaries",
        "heartbeat",
        "stride",
        "pace",
    ),
)
class Region(Managed, Checked):
    """A vantage point with its public keys and its signs of life.

    `verify_key` and `box_public_key` are those of its newest key, and empty before the first. Which keys count, while
    they are being changed, is for `RegionKey` to say.

    States of a row, the first that holds (`policy.liveness.RegionCondition`), since `condition_since`:
    - retired: `retired_at` is set for good; its outcomes stay readable until retention takes them;
    - announced: no keys yet; gets no checks;
    - paused: `paused_at` is set; gets no checks and has no vote until resumed;
    - draining: `draining_at` is set; gets no new checks and has no vote, what is in flight is taken;
    - silent: no heartbeat since `silent_since`; gets checks while its queue has room, no vote;
    - egress_down: its canaries fail since `egress_down_since`; gets checks, which are marked and have no vote;
    - late: its queue lags since `late_since`; gets checks and votes;
    - active: none of these; gets checks and votes.

    `clock_offset_seconds` is how far its clock is ahead of ours, give or take `clock_uncertainty_seconds`; null
    before the first heartbeat, and the latter while nothing bounds the offset from above. Of several workers that is
    the clock furthest ahead; `heartbeat` has each one's. `liveness` is what `actions.workers` remembers from one
    heartbeat to the next, and `pace` what `actions.shedding` does beside the
    `stride`.
    """

    slug = models.CharField(
        max_length=40,
        unique=True,
        validators=[RegexValidator(validation.REGION_SLUG, "Lower-case letters, digits and inner hyphens.")],
        help_text="The end of its queue's name, such as probe.eu-west; never changes.",
    )
    name = models.CharField(max_length=100)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    verify_key = models.TextField(blank=True, editable=False, help_text="Ed25519, base64: that of its newest key.")
    box_public_key = models.TextField(blank=True, editable=False, help_text="X25519, base64: likewise.")
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    draining_at = models.DateTimeField(null=True, blank=True, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)
    condition_since = models.DateTimeField(null=True, blank=True, editable=False)
    last_seen_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When its last heartbeat arrived, by our clock."
    )
    silent_since = models.DateTimeField(null=True, blank=True, editable=False)
    egress_down_since = models.DateTimeField(null=True, blank=True, editable=False)
    late_since = models.DateTimeField(null=True, blank=True, editable=False)
    queue_lag_seconds = models.FloatField(
        null=True, blank=True, editable=False, help_text="How long batches wait in its queue."
    )
    clock_offset_seconds = models.FloatField(null=True, blank=True, editable=False)
    clock_uncertainty_seconds = models.FloatField(null=True, blank=True, editable=False)
    liveness = models.JSONField(default=dict, blank=True, editable=False)
    canaries = models.JSONField(
        null=True, blank=True, editable=False, help_text="The last round of canaries that a worker told of."
    )
    heartbeat = models.JSONField(default=dict, blank=True, editable=False, help_text="What it last said of itself.")
    stride = models.PositiveSmallIntegerField(
        default=1, editable=False, help_text="It is sent every so many-th slot of each resource: more it cannot do."
    )
    pace = models.JSONField(default=dict, blank=True, editable=False)

    objects = RegionQuerySet.as_manager()

    class Meta:
        ordering = ["slug"]
        constraints: ClassVar = [
            models.CheckConstraint(
                # The control plane signs and is addressed as `control`.
                condition=Q(slug__regex=validation.REGION_SLUG) & ~Q(slug="control"),
                name="region_slug_is_a_label",
            ),
            models.CheckConstraint(
                # Said of both that they are there: a check that comes out null would hold.
                condition=Q(latitude=None, longitude=None)
                | Q(latitude__isnull=False, longitude__isnull=False)
                & Q(latitude__range=(-90, 90), longitude__range=(-180, 180)),
                name="region_coordinates_are_a_pair",
            ),
            models.CheckConstraint(
                condition=Q(verify_key="", box_public_key="") | ~Q(verify_key="") & ~Q(box_public_key=""),
                name="region_keys_are_a_pair",
            ),
            models.CheckConstraint(condition=Q(stride__in=STRIDES), name="region_stride_is_known"),
        ]

    def __str__(self) -> str:
        return self.name or self.slug

    def clean(self) -> None:
        if (self.latitude is None) is not (self.longitude is None):
            missing = "latitude" if self.latitude is None else "longitude"
            raise ValidationError({missing: "Latitude and longitude come together."})

    @property
    def is_enrolled(self) -> bool:
        return bool(self.verify_key)

    @property
    def is_active(self) -> bool:
        """Tell whether it gets checks, as `RegionQuerySet.active` does."""
        return self.is_enrolled and self.paused_at is None and self.draining_at is None and self.retired_at is None

    @property
    def condition(self) -> RegionCondition:
        return Facts(
            is_retired=self.retired_at is not None,
            is_announced=not self.is_enrolled,
            is_paused=self.paused_at is not None,
            is_draining=self.draining_at is not None,
            is_silent=self.silent_since is not None,
            is_egress_down=self.egress_down_since is not None,
            is_late=self.late_since is not None,
        ).condition

    @property
    def queue(self) -> str:
        return f"probe.{self.slug}"


class RegionEvent(models.Model):
    """One change of a region's condition: exactly one row for each, in the order of their ids.

    With `worker` it is the change of that one alone: of several it lost its way out, or has it back, and the region
    is as it was.
    """

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    before = models.CharField(max_length=16, choices=[(item.value, item.value) for item in RegionCondition])
    after = models.CharField(max_length=16, choices=[(item.value, item.value) for item in RegionCondition])
    worker = models.UUIDField(null=True, blank=True)
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["region", "-id"], name="region_event_of_region"),
            models.Index(fields=["at"], name="region_event_age"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(before__in=[item.value for item in RegionCondition])
                & Q(after__in=[item.value for item in RegionCondition]),
                name="region_event_conditions_are_known",
            ),
            models.CheckConstraint(condition=~Q(before=models.F("after")), name="region_event_is_a_change"),
        ]

    def __str__(self) -> str:
        return f"{self.region_id}: {self.before} → {self.after}"
