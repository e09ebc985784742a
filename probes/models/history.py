"""What changed, and when."""

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
