"""Incidents: the times in which something could not be had, and what happened in them."""

from typing import ClassVar, Final

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Func, Q, Value

from probes.models.group import ResourceGroup
from probes.models.registry import Registry
from probes.models.resource import Resource
from probes.policy.incidents import Cause, EntryKind, Level
from probes.policy.scopes import Kind, Scope
from probes.policy.terms import Severity

SCOPE_WORDS: Final = Func(
    F("scope_name"), F("scope_label"), Value(""), Value(""), function="probes_words", output_field=SearchVectorField()
)
"""The words of a scope's names, as `ResourceWords` has those of a resource (migration 0041)."""


class Incident(models.Model):
    """A time in which a resource could not be had, from everywhere or from somewhere, or most of a scope could not.

    States of a row:
    - open: `resolved_at` is null. There is one for each resource at most, and one for each scope, whatever it fails
      of. Its `level` is that of now, `worst` of all its time; while `is_flapping` it comes and goes, and keeps both;
    - resolved: at `resolved_at`, for the `cause`.

    It began at `began_at`, the first failure of the regions that made it, and was opened at `opened_at`. An open one
    may be acknowledged: somebody is at it. `failure` says what fails in it, as `policy.scopes.cause_of` has it.

    `registry` and `group` are those of its resource when it was opened, or the registry that it is of. The database
    notes them (migration 0041), so that the incidents of one are found without looking at all resources.

    One of a scope has no resource: it explains its `children`, and `extent` is how many resources failed in it at
    once, at most. A child keeps its `parent` when either is over, and loses it when it does not recover with it.
    """

    resource = models.ForeignKey(
        Resource, on_delete=models.CASCADE, null=True, blank=True, db_index=False, related_name="incidents"
    )
    registry = models.ForeignKey(
        Registry, on_delete=models.SET_NULL, null=True, blank=True, db_index=False, editable=False, related_name="+"
    )
    group = models.ForeignKey(
        ResourceGroup,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        editable=False,
        related_name="+",
    )
    scope_kind = models.CharField(
        max_length=16, blank=True, default="", db_default="", choices=[(item.value, item.value) for item in Kind]
    )
    scope_name = models.CharField(
        max_length=520,
        blank=True,
        default="",
        db_default="",
        help_text="A host, a host and its repository, a slug, or a credential's number.",
    )
    scope_label = models.CharField(
        max_length=520,
        blank=True,
        default="",
        db_default="",
        help_text="What people called it when this was opened, where its name says nothing to them: a credential.",
    )
    parent = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="children")
    level = models.CharField(max_length=16, choices=[(item.value, item.value) for item in Level])
    worst = models.CharField(max_length=16, choices=[(item.value, item.value) for item in Level])
    severity = models.CharField(max_length=8, choices=[(item.value, item.value) for item in Severity])
    began_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    cause = models.CharField(max_length=16, blank=True, choices=[(item.value, item.value) for item in Cause])
    is_flapping = models.BooleanField(default=False)
    failure = models.CharField(max_length=40, blank=True, default="", db_default="")
    extent = models.PositiveIntegerField(default=0, db_default=0)
    explanation = models.CharField(max_length=500, blank=True, help_text="Of the verdict that was last bad.")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["-opened_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["resource", "-opened_at"], name="incident_of_resource"),
            models.Index(fields=["-opened_at", "-id"], name="incident_age"),
            models.Index(fields=["-opened_at", "-id"], condition=Q(resolved_at=None), name="incident_open"),
            models.Index(fields=["registry", "-opened_at", "-id"], name="incident_of_registry"),
            models.Index(fields=["group", "-opened_at", "-id"], name="incident_of_group"),
            # By what lists are narrowed by: what there is little of, or nothing, is not looked for in all of them.
            *(
                models.Index(fields=[name, "-opened_at", "-id"], name=f"incident_by_{name}")
                for name in ("severity", "level", "failure")
            ),
            models.Index(
                fields=["-opened_at", "-id"], condition=Q(acknowledged_at__isnull=False), name="incident_acknowledged"
            ),
            GinIndex(SCOPE_WORDS, condition=~Q(scope_kind=""), name="incident_scope_words"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["resource"], condition=Q(resolved_at=None), name="incident_is_one_at_a_time_per_resource"
            ),
            models.UniqueConstraint(
                fields=["scope_kind", "scope_name"],
                condition=Q(resolved_at=None) & ~Q(scope_kind=""),
                name="incident_is_one_at_a_time_per_scope",
            ),
            models.CheckConstraint(
                condition=Q(resource__isnull=False, scope_kind="", scope_name="")
                | Q(resource=None, parent=None, scope_kind__in=[item.value for item in Kind]) & ~Q(scope_name=""),
                name="incident_is_of_a_resource_or_a_scope",
            ),
            models.CheckConstraint(
                condition=Q(level__in=[item.value for item in Level])
                & Q(worst__in=[item.value for item in Level])
                & Q(severity__in=[item.value for item in Severity]),
                name="incident_level_is_known",
            ),
            models.CheckConstraint(condition=Q(began_at__lte=F("opened_at")), name="incident_began_before_it_opened"),
            models.CheckConstraint(
                condition=Q(resolved_at=None, cause="")
                | Q(
                    # Said of it that it is there: a check that comes out null would hold.
                    resolved_at__isnull=False,
                    resolved_at__gte=F("began_at"),
                    cause__in=[item.value for item in Cause],
                ),
                name="incident_resolved_has_its_cause",
            ),
        ]

    def __str__(self) -> str:
        concerned = self.scope_label or self.scope_name or self.resource_id
        return f"{concerned} {self.level} since {self.began_at:%Y-%m-%d %H:%M:%S}"

    @property
    def is_open(self) -> bool:
        return self.resolved_at is None

    @property
    def scope(self) -> Scope | None:
        return Scope(Kind(self.scope_kind), self.scope_name) if self.scope_kind else None

    @property
    def subject(self) -> str:
        """What could not be had, in words: the resource, or what many share, as people know it."""
        if scope := self.scope:
            return f"{scope.words} {self.scope_label or scope.name}"
        return str(self.resource)


class IncidentEntry(models.Model):
    """One line of an incident's timeline; in the order of their ids. Never changed after it was written.

    `region` is set where a region said something else than before, and `slot` names the outcome that made it say so,
    where one did; `by` is set where a person did something.
    """

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="entries")
    at = models.DateTimeField()
    kind = models.CharField(max_length=16, choices=[(item.value, item.value) for item in EntryKind])
    region = models.CharField(max_length=40, blank=True)
    before = models.CharField(max_length=16, blank=True)
    after = models.CharField(max_length=16, blank=True)
    text = models.TextField(blank=True)
    slot = models.DateTimeField(null=True, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name_plural = "incident entries"
        ordering = ["id"]
        indexes: ClassVar = [
            models.Index(fields=["region", "incident"], condition=~Q(region=""), name="incident_entry_of_region"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind__in=[item.value for item in EntryKind]), name="incident_entry_kind_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.incident_id}: {self.kind}"
