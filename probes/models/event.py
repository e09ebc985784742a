"""Events about what is checked: what happened and is no failure by itself (`policy.happenings`)."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from probes.models.credential import Credential
from probes.models.registry import Registry
from probes.models.resource import Resource
from probes.policy.happenings import EventKind
from probes.policy.terms import Severity


class Event(models.Model):
    """Something that happened to a resource, a registry or a credential; `key` is what it is known by.

    Never changed after it was written, but for one thing: a move of a tag is dated back, with its `region`, where a
    region turns out to have seen it before. The moves of a tag are read again to tell the next (`policy.tags`).
    """

    kind = models.CharField(max_length=32, choices=[(item.value, item.value) for item in EventKind])
    at = models.DateTimeField()
    severity = models.CharField(max_length=8, choices=[(item.value, item.value) for item in Severity])
    resource = models.ForeignKey(
        Resource, on_delete=models.CASCADE, null=True, blank=True, db_index=False, related_name="events"
    )
    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, null=True, blank=True, related_name="events")
    credential = models.ForeignKey(Credential, on_delete=models.CASCADE, null=True, blank=True, related_name="events")
    region = models.CharField(max_length=40, blank=True, help_text="The slug of the one that saw it.")
    key = models.CharField(max_length=400, unique=True)
    text = models.CharField(max_length=1000)
    facts = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["resource", "-at"], name="event_of_resource"),
            models.Index(fields=["-at", "-id"], name="event_age"),
            # What there is little of, or nothing, is not looked for in all of them.
            *(models.Index(fields=[name, "-at", "-id"], name=f"event_by_{name}") for name in ("kind", "severity")),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind__in=[item.value for item in EventKind])
                & Q(severity__in=[item.value for item in Severity]),
                name="event_kind_is_known",
            ),
            models.CheckConstraint(
                condition=Q(resource__isnull=False) | Q(registry__isnull=False) | Q(credential__isnull=False),
                name="event_is_about_something",
            ),
        ]

    def __str__(self) -> str:
        return self.text

    @property
    def subject(self) -> str:
        """What it is about, in words."""
        return str(self.resource or self.credential or self.registry)


class TagWatch(models.Model):
    """A tag on which regions do not agree, to be looked at again at `look_at`.

    States of a row:
    - disagreeing: `split_since` is null; for shorter than the bound so far;
    - split: they disagree since then, which was told. When they agree again, that is told and the row goes.
    """

    resource = models.OneToOneField(Resource, on_delete=models.CASCADE, primary_key=True, related_name="tag_watch")
    look_at = models.DateTimeField(db_index=True)
    split_since = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.resource_id}: look at {self.look_at:%Y-%m-%d %H:%M:%S}"
