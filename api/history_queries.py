"""What lists of what happened can be narrowed by: incidents, events, changes, and what was ordered."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers

from api import parameters
from api.access import reach_in
from api.declaring import declared
from api.fields import GroupField, InstantField, ResourceField, RowField
from api.queries import Query
from probes.models import AuditEntry, Event, Incident, Resource, Run
from probes.models.audited import kinds
from probes.policy.audit import AuditAction, Via
from probes.policy.happenings import EventKind
from probes.policy.incidents import Level
from probes.policy.runs import RunKind
from probes.policy.terms import Severity
from probes.protocol.taxonomy import Reason
from probes.selectors.events import concerning
from probes.selectors.incidents import about, failing_from


class IncidentQuery(Query[Incident]):
    open = parameters.either("Only what is open, or only what is over.")
    resource = ResourceField(required=False, help_text="A resource's id or stable name.")
    registry = parameters.registry("A registry's host: its resources' and its own.")
    group = GroupField(required=False, help_text="A group's stable name, or its name.")
    parent = declared(
        RowField[Incident](
            queryset=Incident.objects.all(),
            required=False,
            help_text="The id of one of a scope, which explains them.",
        )
    )
    level = parameters.one_of(Level, "How bad it is, or was last.")
    severity = parameters.any_of(Severity)
    reason = parameters.any_of(Reason, f"Why it failed, where one reason says it. {parameters.ANY_OF_SEVERAL}")
    region = parameters.region("A region's slug: what failed from there at some time of it.")
    acknowledged = parameters.either("Only what somebody is at, or only what nobody is.")
    search = parameters.search(
        "Words, or their beginnings, of the resource's name or reference, or of a scope's name.", most=200
    )
    since = InstantField(required=False, help_text="Opened at or after this time.")
    until = InstantField(required=False, help_text="Opened before this time.")

    lookups: ClassVar = {
        "open": "resolved_at__isnull",
        "resource": "resource",
        "parent": "parent",
        "registry": "registry",
        "group": "group",
        "level": "level",
        "severity": "severity__in",
        "reason": "failure__in",
        "since": "opened_at__gte",
        "until": "opened_at__lt",
    }
    filled: ClassVar = {"acknowledged": "acknowledged_at"}

    def narrow(self, rows: QuerySet[Incident]) -> QuerySet[Incident]:
        rows, asked = super().narrow(rows), self.asked
        if region := asked.get("region"):
            rows = rows.filter(failing_from(region.slug))
        if text := asked.get("search"):
            rows = rows.filter(about(text, reach_in(self.context)))
        return rows


class EventQuery(Query[Event]):
    resource = RowField[Resource](
        queryset=Resource.objects.all(),
        required=False,
        help_text="A resource's id: its own, and those of its registry and of the logins it may be checked with.",
    )
    kind = parameters.any_of(EventKind)
    severity = parameters.any_of(Severity)
    since = InstantField(required=False, help_text="Happened at or after this time.")
    until = InstantField(required=False, help_text="Happened before this time.")

    lookups: ClassVar = {"kind": "kind__in", "severity": "severity__in", "since": "at__gte", "until": "at__lt"}

    def narrow(self, rows: QuerySet[Event]) -> QuerySet[Event]:
        if resource := self.asked.get("resource"):
            # Of what concerns it, what is told of to this person: not each login that it may be checked with.
            rows = rows.filter(concerning(resource))
        return super().narrow(rows)


class AuditQuery(Query[AuditEntry]):
    model = serializers.ChoiceField(choices=kinds(), required=False, help_text="What kind of row was changed.")
    object = serializers.CharField(
        required=False, max_length=300, help_text="What the row was known by: its slug, say, or its host."
    )
    object_pk = serializers.CharField(required=False, max_length=100, help_text="The row's key; with `model`.")
    actor = serializers.CharField(
        required=False, max_length=200, help_text="A user name, an account that runs commands, or a task."
    )
    action = parameters.one_of(AuditAction, "What was done to the row.")
    via = parameters.one_of(Via, "The way by which it came.")
    request_id = serializers.CharField(required=False, max_length=64, help_text="The `X-Request-ID` of a request.")
    since = InstantField(required=False, help_text="Changed at or after this time.")
    until = InstantField(required=False, help_text="Changed before this time.")

    lookups: ClassVar = {
        **{name: name for name in ("model", "object_pk", "actor", "action", "via", "request_id")},
        "object": "object_name",
        "since": "at__gte",
        "until": "at__lt",
    }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "object_pk" in attrs and "model" not in attrs:
            raise serializers.ValidationError({"object_pk": "A key is one of a model: name that too."})
        return attrs


class RunQuery(Query[Run]):
    kind = parameters.one_of(RunKind, "Only those.")
    asked_by = serializers.CharField(required=False, max_length=150, help_text="Only what that user ordered.")

    lookups: ClassVar = {"kind": "kind", "asked_by": "asked_by__username"}
