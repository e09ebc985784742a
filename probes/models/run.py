"""Checks that somebody ordered and may wait for, and what became of each."""

import uuid
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from probes.models.access import AccessToken
from probes.models.region import Region
from probes.models.resource import Resource
from probes.policy.runs import Answer, CheckState, RefusalReason, RunKind
from probes.protocol.taxonomy import Confidence, Depth, Stage, Status


class Run(models.Model):
    """What was ordered at once, by whom, and until when it is waited for.

    States of a row:
    - open: `finished_at` is null and `ends_at` has not come; some of its checks wait;
    - over: each of its checks was answered, refused or missed, at `finished_at`; or `ends_at` has come, and whatever
      still waits is missed. The reap writes that down; nobody has to wait for it.

    A check names stored resources, by its rows; a probe names `reference` (of a URL, without its query values) with
    `platforms` and perhaps a credential, and is stored nowhere else. In batches it goes by the number `-id`, which no
    resource has. Rows are dropped a week after they were made.
    """

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=[(item.value, item.value) for item in RunKind])
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    asked_with = models.ForeignKey(AccessToken, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    ends_at = models.DateTimeField(help_text="When the last of its batches has expired, and its report had time.")
    finished_at = models.DateTimeField(null=True, blank=True)
    regions = ArrayField(models.CharField(max_length=40), help_text="Slugs of the regions that were asked.")
    depth = models.CharField(
        max_length=8, null=True, blank=True, choices=[(item.value, item.value) for item in Depth]
    )
    reference = models.CharField(max_length=1024, blank=True)
    platforms = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    credential = models.CharField(max_length=100, blank=True, help_text="The slug of what a probe logged in with.")

    class Meta:
        ordering = ["-asked_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["-asked_at", "-id"], name="run_age"),
            models.Index(fields=["asked_by", "-asked_at", "-id"], name="run_of_somebody"),
            models.Index(fields=["ends_at"], condition=Q(finished_at=None), name="run_open"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=[item.value for item in RunKind]), name="run_kind_is_known"),
            models.CheckConstraint(
                condition=Q(kind="probe") & ~Q(reference="") | Q(kind="check", reference="", credential=""),
                name="run_probe_names_what",
            ),
            models.CheckConstraint(condition=Q(ends_at__gte=F("asked_at")), name="run_ends_after_it_began"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.uuid}"

    @property
    def is_probe(self) -> bool:
        return self.kind == RunKind.PROBE

    def is_over(self, now: datetime) -> bool:
        return self.finished_at is not None or now >= self.ends_at


class RunCheck(models.Model):
    """One check of a run: a resource, or the run's own reference, from one region, for a slot.

    States of a row (`policy.runs.CheckState`):
    - waiting: handed out;
    - done: answered at `answered_at`, with what is kept here of the outcome. Of a probe that is `document`, the whole
      of it; of a resource the outcome is among its others;
    - missed: no usable answer came in time. A late one is still taken: then it is done;
    - refused: never handed out, for the reason in `refusal`.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="checks", db_index=False)
    resource = models.ForeignKey(Resource, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="+", db_index=False)
    slot = models.DateTimeField()
    state = models.CharField(max_length=8, choices=[(item.value, item.value) for item in CheckState])
    refusal = models.CharField(
        max_length=16, blank=True, choices=[(item.value, item.value) for item in RefusalReason]
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    status = models.CharField(max_length=16, blank=True, choices=[(item.value, item.value) for item in Status])
    reason = models.CharField(max_length=40, blank=True)
    stage = models.CharField(
        max_length=16, null=True, blank=True, choices=[(item.value, item.value) for item in Stage]
    )
    host = models.CharField(max_length=260, null=True, blank=True)
    confidence = models.CharField(
        max_length=16, blank=True, choices=[(item.value, item.value) for item in Confidence]
    )
    depth = models.CharField(
        max_length=8, null=True, blank=True, choices=[(item.value, item.value) for item in Depth]
    )
    digest = models.CharField(max_length=140, null=True, blank=True)
    is_egress_down = models.BooleanField(default=False)
    document = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        indexes: ClassVar = [
            models.Index(fields=["run", "region"], name="runcheck_of_region"),
            models.Index(fields=["region"], condition=Q(state="waiting", resource=None), name="runcheck_probing"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=[item.value for item in CheckState]), name="runcheck_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state="done", answered_at__isnull=False) & ~Q(status="")
                | ~Q(state="done") & Q(answered_at=None, status="", document=None),
                name="runcheck_done_has_its_outcome",
            ),
            models.CheckConstraint(
                condition=Q(state="refused") & ~Q(refusal="") | ~Q(state="refused") & Q(refusal=""),
                name="runcheck_refused_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource_id or 'a probe'} from {self.region_id}: {self.state}"

    @property
    def answer(self) -> Answer:
        return Answer(CheckState(self.state), self.status, self.reason, self.is_egress_down)
