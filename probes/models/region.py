"""A vantage point, as the control plane knows it."""

from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from probes.models import validation


class RegionQuerySet(models.QuerySet["Region"]):
    def active(self) -> "RegionQuerySet":
        """Regions that get checks: enrolled, neither paused nor retired. A silent region still gets them."""
        return self.filter(paused_at=None, retired_at=None).exclude(verify_key="")


class Region(models.Model):
    """A vantage point with its public keys and its sign of life.

    States of a row:
    - announced: no keys yet; gets no checks;
    - active: enrolled, neither paused nor retired; gets checks and votes while it is not silent;
    - silent: active, but no heartbeat since `silent_since`; gets checks while its queue has room, no vote;
    - paused: `paused_at` is set; gets no checks and has no vote until resumed;
    - retired: `retired_at` is set for good; its outcomes stay readable until retention takes them.
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
    verify_key = models.TextField(blank=True, editable=False, help_text="Ed25519, base64: checks its signatures.")
    box_public_key = models.TextField(blank=True, editable=False, help_text="X25519, base64: seals secrets for it.")
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_seen_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When its last heartbeat arrived, by our clock."
    )
    silent_since = models.DateTimeField(null=True, blank=True, editable=False)
    heartbeat = models.JSONField(default=dict, blank=True, editable=False, help_text="What it last said of itself.")

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
        ]

    def __str__(self) -> str:
        return self.name or self.slug

    @property
    def is_enrolled(self) -> bool:
        return bool(self.verify_key)

    @property
    def is_active(self) -> bool:
        return self.is_enrolled and self.paused_at is None and self.retired_at is None

    @property
    def queue(self) -> str:
        return f"probe.{self.slug}"
