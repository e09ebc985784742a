"""What changed, and when: the changes of verdicts, and pauses. From these a timeline is laid out."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from probes.models.resource import Resource
from probes.policy.verdict import VerdictState

_STATES = [(item.value, item.value) for item in VerdictState]


class VerdictChange(models.Model):
    """From `at` on, the verdict on the resource is `state`, until the next. Before the first it is unknown.

    `inputs` is what the pure function was given, so that it comes to `state` again; empty where nothing was computed,
    as of an image that another one took the place of.
    """

    resource = models.ForeignKey(Resource, on_delete=models.CASCADE, db_index=False, related_name="verdict_changes")
    at = models.DateTimeField()
    before = models.CharField(max_length=16, choices=_STATES)
    state = models.CharField(max_length=16, choices=_STATES)
    explanation = models.CharField(max_length=500, blank=True)
    inputs = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["resource", "at"], name="verdict_change_of_resource"),
            models.Index(fields=["at"], name="verdict_change_age"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=[item.value for item in VerdictState])
                & Q(before__in=[item.value for item in VerdictState]),
                name="verdict_change_states_are_known",
            ),
            models.CheckConstraint(condition=~Q(before=F("state")), name="verdict_change_is_a_change"),
        ]

    def __str__(self) -> str:
        return f"{self.resource_id} at {self.at:%Y-%m-%d %H:%M:%S}: {self.before} → {self.state}"


class Pause(models.Model):
    """A time in which a resource was not checked because somebody said so; the present one has no end."""

    resource = models.ForeignKey(Resource, on_delete=models.CASCADE, db_index=False, related_name="pauses")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["starts_at", "id"]
        indexes: ClassVar = [models.Index(fields=["resource", "starts_at"], name="pause_of_resource")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["resource"], condition=Q(ends_at=None), name="pause_is_one_at_a_time_per_resource"
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gte=F("starts_at")), name="pause_ends_after_it_starts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource_id} from {self.starts_at:%Y-%m-%d %H:%M:%S}"
