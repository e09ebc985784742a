"""What the ledgers of the machinery can be narrowed by."""

from typing import ClassVar

from rest_framework import serializers

from api import parameters
from api.fields import InstantField, RowField
from api.queries import Query
from probes.models import HostCertificate, Incident, MissedSlots, Notice, QuotaAccount, Resource
from probes.policy.notices import NoticeState, Topic
from probes.policy.slots import MissedCause


class MissedSlotsQuery(Query[MissedSlots]):
    resource = RowField[Resource](queryset=Resource.objects.all(), required=False, help_text="A resource's id.")
    region = parameters.regions()
    cause = parameters.any_of(MissedCause)
    since = InstantField(required=False, help_text="Whose last slot is at or after this time.")
    until = InstantField(required=False, help_text="Whose last slot is before this time.")

    lookups: ClassVar = {
        "resource": "resource",
        "region": "region__in",
        "cause": "cause__in",
        "since": "last_slot__gte",
        "until": "last_slot__lt",
    }


class CertificateQuery(Query[HostCertificate]):
    registry = parameters.registry()
    region = parameters.regions()
    host = serializers.CharField(required=False, max_length=260, help_text="The host that showed it, exactly.")
    expires_before = InstantField(required=False, help_text="Whose end is before this time.")

    lookups: ClassVar = {
        "registry": "registry",
        "region": "region__in",
        "host": "host",
        "expires_before": "not_after__lt",
    }


class QuotaQuery(Query[QuotaAccount]):
    registry = parameters.registry()
    short = parameters.either("Only those with less than checks want, or only others.")

    lookups: ClassVar = {"registry": "registry"}
    filled: ClassVar = {"short": "short_since"}


class NoticeQuery(Query[Notice]):
    channel = parameters.channel()
    incident = RowField[Incident](queryset=Incident.objects.all(), required=False, help_text="An incident's id.")
    state = parameters.any_of(NoticeState)
    topic = parameters.any_of(Topic)
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
