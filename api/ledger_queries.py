"""What the ledgers of the machinery can be narrowed by."""

from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from rest_framework import serializers

from api.fields import InstantField, NamedRowField, RowField
from api.queries import Query
from probes.models import (
    Channel,
    Incident,
    QuotaAccount,
    Region,
    Registry,
    Resource,
)
from probes.policy.notices import NoticeState, Topic
from probes.policy.slots import MissedCause


def _regions() -> Any:
    return NamedRowField[Region](
        slug_field="slug",
        queryset=Region.objects.all(),
        many=True,
        required=False,
        help_text="A region's slug. Repeat it for any of several.",
    )


def _registry() -> NamedRowField[Registry]:
    return NamedRowField[Registry](
        slug_field="host", queryset=Registry.objects.all(), required=False, help_text="A registry's host."
    )


def _any_of(choices: Any) -> serializers.MultipleChoiceField:
    return serializers.MultipleChoiceField(
        choices=[(item.value, item.value) for item in choices],
        required=False,
        help_text="Repeat it for any of several.",
    )


class _LookingUp(Query[Any]):
    """Each parameter is one lookup."""

    lookups: ClassVar[dict[str, str]]

    def narrow(self, rows: QuerySet[Model]) -> QuerySet[Model]:
        asked = {name: value for name, value in self.validated_data.items() if value}
        return rows.filter(**{self.lookups[name]: value for name, value in asked.items()})


class MissedSlotsQuery(_LookingUp):
    resource = RowField[Resource](queryset=Resource.objects.all(), required=False, help_text="A resource's id.")
    region = _regions()
    cause = _any_of(MissedCause)
    since = InstantField(required=False, help_text="Whose last slot is at or after this time.")
    until = InstantField(required=False, help_text="Whose last slot is before this time.")

    lookups: ClassVar = {
        "resource": "resource",
        "region": "region__in",
        "cause": "cause__in",
        "since": "last_slot__gte",
        "until": "last_slot__lt",
    }


class CertificateQuery(_LookingUp):
    registry = _registry()
    region = _regions()
    host = serializers.CharField(required=False, max_length=260, help_text="The host that showed it, exactly.")
    expires_before = InstantField(required=False, help_text="Whose end is before this time.")

    lookups: ClassVar = {
        "registry": "registry",
        "region": "region__in",
        "host": "host",
        "expires_before": "not_after__lt",
    }


class QuotaQuery(Query[QuotaAccount]):
    registry = _registry()
    short = serializers.BooleanField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Only those with less than checks want, or only others.",
    )

    def narrow(self, rows: QuerySet[QuotaAccount]) -> QuerySet[QuotaAccount]:
        asked = self.validated_data
        if registry := asked.get("registry"):
            rows = rows.filter(registry=registry)
        if asked["short"] is not None:
            rows = rows.filter(short_since__isnull=not asked["short"])
        return rows


class NoticeQuery(_LookingUp):
    channel = NamedRowField[Channel](
        slug_field="slug", queryset=Channel.objects.all(), required=False, help_text="A channel's stable name."
    )
    incident = RowField[Incident](queryset=Incident.objects.all(), required=False, help_text="An incident's id.")
    state = _any_of(NoticeState)
    topic = _any_of(Topic)
    since = InstantField(required=False, help_text="Written at or after this time.")
    until = InstantField(required=False, help_text="Written before this time.")

    lookups: ClassVar = {
        "channel": "channel",
        "incident": "incident",
        "state": "state__in",
        "topic": "topic__in",
        "since": "created_at__gte",
        "until": "created_at__lt",
    }
