"""How a resource stands now: from one region, and over all of them."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from probes.models.region import Region
from probes.models.resource import Resource
from probes.policy.ballot import Ballot, Stance
from probes.policy.verdict import VerdictState
from probes.protocol.taxonomy import Stage, Status


class RegionState(models.Model):
    """A resource as last seen from one region. Made by its first outcome; advanced only by newer slots.

    States of a row are the statuses of an outcome:
    available, unavailable, degraded, indeterminate, config_error, each `since` the slot it began at.

    What its outcomes came to is the `stance`, with which the region votes (`policy.ballot`): unproved, good,
    impaired, bad, `stance_since` a slot. `ballot` is the newest outcome that could tell, for `ballot_slot`; the runs
    of ballots that are alike began at `run_since`, and as to being bad or not `bad_run` of them at `bad_run_since`.
    `success_slot` is that of the newest that was not bad.

    Outcomes from a region without its way out move nothing here: they set `egress_down`, until one that counts.

    `document` is the whole last outcome. The two `…_proved_at` say when depth was last proven for
    `proved_digest`; a failure at that depth takes the proof away (`policy.depth`).
    """

    resource = models.ForeignKey(Resource, on_delete=models.CASCADE, related_name="states")
    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="states")
    status = models.CharField(max_length=16, choices=[(item.value, item.value) for item in Status])
    reason = models.CharField(max_length=40)
    stage = models.CharField(
        max_length=16, null=True, blank=True, choices=[(item.value, item.value) for item in Stage]
    )
    host = models.CharField(max_length=260, null=True, blank=True)
    digest = models.CharField(
        max_length=140, null=True, blank=True, help_text="The last one seen, even if checks fail since."
    )
    digest_since = models.DateTimeField(null=True, blank=True, help_text="The slot at which that one was first seen.")
    platforms = models.JSONField(
        default=dict, db_default={}, help_text="Which are there, as the last check left them that looked."
    )
    since = models.DateTimeField()
    last_slot = models.DateTimeField()
    checked_at = models.DateTimeField(
        help_text="When the last check began, by our clock as far as the region's is known."
    )
    duration_ms = models.PositiveIntegerField(null=True, blank=True, help_text="How long that check took.")
    warnings = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    consecutive_failures = models.PositiveIntegerField(default=0)
    consecutive_successes = models.PositiveIntegerField(default=0)
    run_since = models.DateTimeField(null=True, blank=True)
    ballot = models.CharField(
        max_length=8, null=True, blank=True, choices=[(item.value, item.value) for item in Ballot]
    )
    ballot_slot = models.DateTimeField(null=True, blank=True)
    success_slot = models.DateTimeField(null=True, blank=True)
    bad_run = models.PositiveIntegerField(default=0, db_default=0)
    bad_run_since = models.DateTimeField(null=True, blank=True)
    stance = models.CharField(
        max_length=8,
        default=Stance.UNPROVED.value,
        db_default=Stance.UNPROVED.value,
        choices=[(item.value, item.value) for item in Stance],
    )
    stance_since = models.DateTimeField(null=True, blank=True)
    proved_digest = models.CharField(max_length=140, null=True, blank=True)
    manifest_proved_at = models.DateTimeField(null=True, blank=True)
    blobs_proved_at = models.DateTimeField(null=True, blank=True)
    document = models.JSONField()
    egress_down = models.BooleanField(
        default=False, db_default=False, help_text="There are newer outcomes, which say nothing."
    )

    class Meta:
        ordering = ["resource", "region"]
        indexes: ClassVar = [
            # Of what fails: little as a rule, and looked through for what it has in common.
            models.Index(
                fields=["run_since"],
                condition=Q(ballot__in=[Ballot.IMPAIRED.value, Ballot.BAD.value]),
                name="region_state_failing",
            ),
            # The newest of what fails as seen from a region, without reading all of it.
            models.Index(
                fields=["region", "-run_since"],
                condition=Q(ballot__in=[Ballot.IMPAIRED.value, Ballot.BAD.value]),
                name="region_state_failing_there",
            ),
            # Lists are narrowed by what was seen, and from where. What is available is not looked for by that.
            models.Index(
                fields=["status", "region", "resource"],
                condition=~Q(status=Status.AVAILABLE.value),
                name="region_state_not_available",
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["resource", "region"], name="region_state_is_one"),
            models.CheckConstraint(
                condition=Q(status__in=[item.value for item in Status]), name="region_state_status_is_known"
            ),
            models.CheckConstraint(condition=Q(since__lte=F("last_slot")), name="region_state_since_before_last"),
            models.CheckConstraint(
                condition=Q(consecutive_failures=0) | Q(consecutive_successes=0),
                name="region_state_runs_exclude_each_other",
            ),
            models.CheckConstraint(
                condition=Q(stance__in=[item.value for item in Stance]), name="region_state_stance_is_known"
            ),
            models.CheckConstraint(
                condition=Q(
                    ballot=None,
                    ballot_slot=None,
                    run_since=None,
                    bad_run_since=None,
                    stance_since=None,
                    stance=Stance.UNPROVED.value,
                )
                | Q(
                    ballot__in=[item.value for item in Ballot],
                    ballot_slot__isnull=False,
                    run_since__isnull=False,
                    bad_run_since__isnull=False,
                    stance_since__isnull=False,
                ),
                name="region_state_ballots_are_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource_id} from {self.region_id}: {self.status}"


class Verdict(models.Model):
    """What the regions together say of a resource.

    States of a row: available, degraded, unavailable, unknown; `since` says when it came to that.
    A resource without a row has had no outcome yet and counts as unknown. Maintenance and pause are shown
    over a verdict, and do not change it.

    `inputs` is exactly what the pure function was given, so that the verdict can be explained and recomputed;
    `explanation` is that in a sentence. Each change is a `VerdictChange`.
    At `stale_at` a vote in it lapses or its author does, and it is computed again without any outcome.
    """

    resource = models.OneToOneField(Resource, on_delete=models.CASCADE, primary_key=True, related_name="verdict")
    state = models.CharField(
        max_length=16,
        choices=[(item.value, item.value) for item in VerdictState],
        default=VerdictState.UNKNOWN.value,
    )
    since = models.DateTimeField()
    computed_at = models.DateTimeField()
    stale_at = models.DateTimeField(null=True, blank=True)
    explanation = models.CharField(max_length=500, blank=True, default="", db_default="")
    inputs = models.JSONField(default=dict)

    class Meta:
        ordering = ["resource"]
        indexes: ClassVar = [
            # Little as a rule: what is available is not looked for by its verdict.
            models.Index(
                fields=["state", "resource"],
                condition=~Q(state=VerdictState.AVAILABLE.value),
                name="verdict_not_available",
            ),
            models.Index(fields=["stale_at"], condition=Q(stale_at__isnull=False), name="verdict_stale"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=[item.value for item in VerdictState]), name="verdict_state_is_known"
            ),
            models.CheckConstraint(condition=Q(since__lte=F("computed_at")), name="verdict_since_before_computed"),
        ]

    def __str__(self) -> str:
        return f"{self.resource_id}: {self.state}"
