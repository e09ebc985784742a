"""What lists can be narrowed by. A parameter that is not known, or whose value cannot be, is an error by name."""

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any, ClassVar, Generic, TypeVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from rest_framework import serializers

from api.access import reach_in
from api.fields import GroupField, InstantField, NamedRowField, ResourceField, RowField
from api.pagination import ORDERING, PAGE_PARAMETERS, Order
from api.sparse import FIELDS, SparseView
from api.strict import StrictBody, StrictSerializer
from probes.models import (
    AuditEntry,
    Channel,
    CredentialKind,
    Event,
    Incident,
    IncidentEntry,
    MaintenanceWindow,
    Outcome,
    Policy,
    Region,
    Registry,
    Resource,
    ResourceGroup,
    ResourceKind,
    Run,
    Schedule,
    Source,
)
from probes.models.audited import kinds
from probes.policy.audit import AuditAction, Via
from probes.policy.delivery import ChannelKind
from probes.policy.happenings import EventKind
from probes.policy.incidents import Level
from probes.policy.runs import RunKind
from probes.policy.terms import Severity
from probes.policy.verdict import VerdictState
from probes.protocol.taxonomy import Reason, Status
from probes.selectors.events import concerning
from probes.selectors.resources import judged, saying, seen

RowT = TypeVar("RowT", bound=Model)


class Query(StrictSerializer, Generic[RowT]):
    """The parameters of a list. Whatever is left out does not narrow it."""

    known_besides = PAGE_PARAMETERS

    def narrow(self, rows: QuerySet[RowT]) -> QuerySet[RowT]:
        raise NotImplementedError


class ResourceQuery(Query[Resource]):
    registry = NamedRowField[Registry](
        slug_field="host",
        queryset=Registry.objects.all(),
        required=False,
        help_text="A registry's host, such as `ghcr.io`.",
    )
    kind = serializers.ChoiceField(
        choices=ResourceKind.choices, required=False, help_text="Only images, or endpoints."
    )
    group = NamedRowField[ResourceGroup](
        slug_field="slug", queryset=ResourceGroup.objects.all(), required=False, help_text="A group's slug."
    )
    schedule = NamedRowField[Schedule](
        slug_field="slug", queryset=Schedule.objects.all(), required=False, help_text="A schedule's slug."
    )
    policy = NamedRowField[Policy](
        slug_field="slug", queryset=Policy.objects.all(), required=False, help_text="A policy's slug."
    )
    managed_by = NamedRowField[Source](
        slug_field="slug", queryset=Source.objects.all(), required=False, help_text="The slug of a source."
    )
    label = serializers.ListField(  # type: ignore[assignment]  # DRF takes declared fields out
        child=serializers.CharField(max_length=1_500),
        max_length=10,
        required=False,
        help_text="`NAME:VALUE`, or `NAME` for any value of it. Repeat it for all of several.",
    )
    verdict = serializers.MultipleChoiceField(
        choices=[state.value for state in VerdictState], required=False, help_text="Repeat it for any of several."
    )
    region = NamedRowField[Region](
        slug_field="slug",
        queryset=Region.objects.all(),
        required=False,
        help_text="A region's slug: what was seen from there, and with `status` or `reason`, as what.",
    )
    status = serializers.MultipleChoiceField(
        choices=[status.value for status in Status],
        required=False,
        help_text="As last seen from `region`, or from any. Repeat it for any of several.",
    )
    reason = serializers.MultipleChoiceField(
        choices=[reason.value for reason in Reason],
        required=False,
        help_text="As last seen from `region`, or from any. Repeat it for any of several.",
    )
    paused = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only paused, or only scheduled ones."
    )
    stale = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only what its source lists no more, or only others."
    )
    retired = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only what is kept for its history, or only others."
    )
    search = serializers.CharField(
        required=False,
        max_length=200,
        help_text="Words, or their beginnings, of the name or of the reference, in any order.",
    )
    include = serializers.MultipleChoiceField(
        choices=["states"], required=False, help_text="What weighs and is left out unless asked for."
    )

    _SAME: ClassVar = ("registry", "kind", "group", "schedule", "policy", "managed_by")
    _SINCE: ClassVar = ("paused", "stale", "retired")

    def narrow(self, rows: QuerySet[Resource]) -> QuerySet[Resource]:
        asked = self.validated_data
        rows = rows.filter(**{name: asked[name] for name in self._SAME if asked.get(name)})
        for name in self._SINCE:
            if asked[name] is not None:
                rows = rows.filter(**{f"{name}_at__isnull": not asked[name]})
        for label in asked.get("label", ()):
            name, has_value, value = label.partition(":")
            rows = rows.filter(labels__contains={name: value}) if has_value else rows.filter(labels__has_key=name)
        if states := asked.get("verdict"):
            rows = rows.filter(judged(states))
        region, statuses, reasons = (asked.get(name) for name in ("region", "status", "reason"))
        if region or statuses or reasons:
            rows = rows.filter(seen(region, statuses or (), reasons or (), reach_in(self.context)))
        if text := asked.get("search"):
            rows = rows.filter(saying(text))
        return rows


class ResourceFilter(StrictBody, ResourceQuery):
    """The same in a body, where there are no pages, and nothing is shown."""

    known_besides = frozenset()
    include = None  # type: ignore[assignment]  # as DRF has it taken away


class VerdictQuery(Query[Resource]):
    state = serializers.MultipleChoiceField(
        choices=[state.value for state in VerdictState], required=False, help_text="Repeat it for any of several."
    )
    registry = NamedRowField[Registry](
        slug_field="host", queryset=Registry.objects.all(), required=False, help_text="A registry's host."
    )
    group = GroupField(required=False, help_text="A group's stable name, or its name.")

    def narrow(self, rows: QuerySet[Resource]) -> QuerySet[Resource]:
        asked = dict(self.validated_data)
        states = asked.pop("state", None)
        return (rows.filter(judged(states)) if states else rows).filter(**asked)


class OutcomeQuery(Query[Outcome]):
    resource = ResourceField(required=False, help_text="A resource's id or stable name.")
    region = NamedRowField[Region](
        slug_field="slug",
        queryset=Region.objects.all(),
        many=True,
        required=False,
        help_text="A region's slug. Repeat it for any of several.",
    )
    status = serializers.MultipleChoiceField(
        choices=[status.value for status in Status], required=False, help_text="Repeat it for any of several."
    )
    reason = serializers.MultipleChoiceField(
        choices=[reason.value for reason in Reason], required=False, help_text="Repeat it for any of several."
    )
    since = InstantField(required=False, help_text="Slots at or after this time.")
    until = InstantField(required=False, help_text="Slots before this time.")

    _LOOKUPS: ClassVar = {
        "resource": "resource",
        "region": "region__in",
        "status": "status__in",
        "reason": "reason__in",
        "since": "slot__gte",
        "until": "slot__lt",
    }

    def narrow(self, rows: QuerySet[Outcome]) -> QuerySet[Outcome]:
        asked = {name: value for name, value in self.validated_data.items() if value}
        if reasons := asked.get("reason"):
            # Each reason has one status; naming it leads the database to the index of what is not available.
            rows = rows.filter(status__in={Reason(reason).status for reason in reasons})
        return rows.filter(**{self._LOOKUPS[name]: value for name, value in asked.items()})


class IncidentQuery(Query[Incident]):
    open = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only what is open, or only what is over."
    )
    resource = ResourceField(required=False, help_text="A resource's id or stable name.")
    registry = NamedRowField[Registry](
        slug_field="host",
        queryset=Registry.objects.all(),
        required=False,
        help_text="A registry's host: its resources' and its own.",
    )
    group = GroupField(required=False, help_text="A group's stable name, or its name.")
    parent = RowField[Incident](  # type: ignore[assignment]  # DRF takes declared fields out
        queryset=Incident.objects.all(),
        required=False,
        help_text="The id of one of a scope, which explains them.",
    )
    level = serializers.ChoiceField(
        choices=[(item.value, item.value) for item in Level], required=False, help_text="How bad it is, or was last."
    )
    severity = serializers.MultipleChoiceField(
        choices=[item.value for item in Severity], required=False, help_text="Repeat it for any of several."
    )
    reason = serializers.MultipleChoiceField(
        choices=[item.value for item in Reason],
        required=False,
        help_text="Why it failed, where one reason says it. Repeat it for any of several.",
    )
    region = NamedRowField[Region](
        slug_field="slug",
        queryset=Region.objects.all(),
        required=False,
        help_text="A region's slug: what has an entry from there in its timeline.",
    )
    acknowledged = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only what somebody is at, or only what nobody is."
    )
    search = serializers.CharField(
        required=False,
        max_length=200,
        help_text="Words, or their beginnings, of the resource's name or reference, or a part of a scope's name.",
    )
    since = InstantField(required=False, help_text="Opened at or after this time.")
    until = InstantField(required=False, help_text="Opened before this time.")

    _LOOKUPS: ClassVar = {
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

    def narrow(self, rows: QuerySet[Incident]) -> QuerySet[Incident]:
        asked = dict(self.validated_data)
        if (is_open := asked.pop("open")) is not None:
            rows = rows.filter(resolved_at__isnull=is_open)
        if (is_acknowledged := asked.pop("acknowledged")) is not None:
            rows = rows.filter(acknowledged_at__isnull=not is_acknowledged)
        if region := asked.pop("region", None):
            told = IncidentEntry.objects.filter(incident=OuterRef("pk"), region=region.slug)
            rows = rows.filter(Exists(told))
        if text := asked.pop("search", None):
            found = Resource.objects.filter(saying(text)).order_by().values("pk")
            rows = rows.filter(Q(resource__in=found) | Q(scope_name__icontains=text))
        return rows.filter(**{self._LOOKUPS[name]: value for name, value in asked.items() if value})


class EventQuery(Query[Event]):
    resource = RowField[Resource](
        queryset=Resource.objects.all(),
        required=False,
        help_text="A resource's id: its own, and those of its registry and of the logins it may be checked with.",
    )
    kind = serializers.MultipleChoiceField(
        choices=[item.value for item in EventKind], required=False, help_text="Repeat it for any of several."
    )
    severity = serializers.MultipleChoiceField(
        choices=[item.value for item in Severity], required=False, help_text="Repeat it for any of several."
    )
    since = InstantField(required=False, help_text="Happened at or after this time.")
    until = InstantField(required=False, help_text="Happened before this time.")

    _LOOKUPS: ClassVar = {"kind": "kind__in", "severity": "severity__in", "since": "at__gte", "until": "at__lt"}

    def narrow(self, rows: QuerySet[Event]) -> QuerySet[Event]:
        asked = {name: value for name, value in self.validated_data.items() if value}
        if resource := asked.pop("resource", None):
            # Of what concerns it, what is told of to this person: not each login that it may be checked with.
            rows = rows.filter(concerning(resource))
        return rows.filter(**{self._LOOKUPS[name]: value for name, value in asked.items()})


class AuditQuery(Query[AuditEntry]):
    model = serializers.ChoiceField(choices=kinds(), required=False, help_text="What kind of row was changed.")
    object = serializers.CharField(
        required=False, max_length=300, help_text="What the row was known by: its slug, say, or its host."
    )
    object_pk = serializers.CharField(required=False, max_length=100, help_text="The row's key; with `model`.")
    actor = serializers.CharField(
        required=False, max_length=200, help_text="A user name, an account that runs commands, or a task."
    )
    action = serializers.ChoiceField(choices=[item.value for item in AuditAction], required=False)
    via = serializers.ChoiceField(
        choices=[item.value for item in Via], required=False, help_text="The way by which it came."
    )
    request_id = serializers.CharField(required=False, max_length=64, help_text="The `X-Request-ID` of a request.")
    since = InstantField(required=False, help_text="Changed at or after this time.")
    until = InstantField(required=False, help_text="Changed before this time.")

    _LOOKUPS: ClassVar = {"object": "object_name", "since": "at__gte", "until": "at__lt"}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "object_pk" in attrs and "model" not in attrs:
            raise serializers.ValidationError({"object_pk": "A key is one of a model: name that too."})
        return attrs

    def narrow(self, rows: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return rows.filter(**{self._LOOKUPS.get(name, name): value for name, value in self.validated_data.items()})


class GroupQuery(Query[ResourceGroup]):
    search = serializers.CharField(required=False, max_length=100, help_text="A part of the name.")

    def narrow(self, rows: QuerySet[ResourceGroup]) -> QuerySet[ResourceGroup]:
        text = self.validated_data.get("search")
        return rows.filter(name__icontains=text) if text else rows


class TextQuery(Query[Any]):
    """Of rows that have a name."""

    search = serializers.CharField(required=False, max_length=100, help_text="A part of the name.")
    managed_by = NamedRowField[Source](
        slug_field="slug", queryset=Source.objects.all(), required=False, help_text="The slug of a source."
    )

    said_in: ClassVar[tuple[str, ...]] = ("name", "slug")

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        asked = dict(self.validated_data)
        if text := asked.pop("search", None):
            rows = rows.filter(reduce(or_, (Q(**{f"{column}__icontains": text}) for column in self.said_in)))
        return rows.filter(**{name: value for name, value in asked.items() if value is not None})


class CredentialQuery(TextQuery):
    registry = NamedRowField[Registry](
        slug_field="host", queryset=Registry.objects.all(), required=False, help_text="A registry's host."
    )
    region = NamedRowField[Region](
        slug_field="slug",
        queryset=Region.objects.all(),
        required=False,
        help_text="Used from this one only: its slug.",
    )
    kind = serializers.ChoiceField(choices=CredentialKind.choices, required=False)

    said_in = ("label", "slug", "repository_prefix", "username")


class ChannelQuery(TextQuery):
    kind = serializers.ChoiceField(choices=[(item.value, item.value) for item in ChannelKind], required=False)
    is_enabled = serializers.BooleanField(required=False, allow_null=True, default=None)


class RuleQuery(TextQuery):
    channel = NamedRowField[Channel](
        slug_field="slug", queryset=Channel.objects.all(), required=False, help_text="A channel's slug."
    )

    said_in = ("slug",)


class RunQuery(Query[Run]):
    kind = serializers.ChoiceField(choices=[item.value for item in RunKind], required=False, help_text="Only those.")
    asked_by = serializers.CharField(required=False, max_length=150, help_text="Only what that user ordered.")

    def narrow(self, rows: QuerySet[Run]) -> QuerySet[Run]:
        if kind := self.validated_data.get("kind"):
            rows = rows.filter(kind=kind)
        name = self.validated_data.get("asked_by")
        return rows.filter(asked_by__username=name) if name else rows


class WindowQuery(Query[MaintenanceWindow]):
    search = serializers.CharField(required=False, max_length=100, help_text="A part of the name.")

    def narrow(self, rows: QuerySet[MaintenanceWindow]) -> QuerySet[MaintenanceWindow]:
        text = self.validated_data.get("search")
        return rows.filter(name__icontains=text) if text else rows


class NarrowedList(SparseView[RowT]):
    """A view whose list is narrowed by `query_class`; a single row is shown whatever is asked."""

    query_class: ClassVar[type[Query[Any]]]
    orders: ClassVar[Mapping[str, Order]] = {}
    """What `?ordering=` may name."""
    action: str

    def filter_queryset(self, queryset: QuerySet[RowT, Any]) -> QuerySet[RowT, Any]:
        queryset = super().filter_queryset(queryset)
        if self.action != "list":
            return queryset
        besides = (FIELDS, *((ORDERING,) if self.orders else ()))
        context = {"request": self.request, "known_besides": besides}
        query = self.query_class(data=self.request.query_params, context=context)
        query.is_valid(raise_exception=True)
        return query.narrow(queryset)
