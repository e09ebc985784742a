from rest_framework import serializers

from api.fields import managed_by_field, slug_field
from api.serializers.terms import OwnTermsSerializer, nothing_of_its_own
from api.strict import StrictBody
from probes.models.validation import LONGEST_INTERVAL_SECONDS
from probes.policy.crontab import LONGEST_TEXT


class ScheduleSerializer(StrictBody):
    """When the resources that take it are due: at an interval, or by a crontab."""

    id = serializers.IntegerField(read_only=True)
    slug = slug_field()
    name = serializers.CharField(max_length=100)
    interval_seconds = serializers.IntegerField(
        min_value=1,
        max_value=LONGEST_INTERVAL_SECONDS,
        allow_null=True,
        default=None,
        help_text="Null where there is a crontab.",
    )
    crontab = serializers.CharField(
        max_length=LONGEST_TEXT,
        allow_blank=True,
        default="",
        help_text="Minute, hour, day of the month, month, weekday; empty where there is an interval.",
    )
    zone = serializers.CharField(max_length=60, default="UTC", help_text="Of the crontab, such as Europe/Berlin.")
    resources = serializers.IntegerField(
        source="resource_count", read_only=True, help_text="How many within reach take it."
    )
    managed_by = managed_by_field()


class PolicySerializer(StrictBody):
    """Terms with a name, beneath those of the resources or groups that take it."""

    id = serializers.IntegerField(read_only=True)
    slug = slug_field()
    name = serializers.CharField(max_length=100)
    notes = serializers.CharField(allow_blank=True, default="", max_length=10_000)
    resources = serializers.IntegerField(
        source="resource_count", read_only=True, help_text="How many within reach take it."
    )
    groups = serializers.IntegerField(
        source="group_count", read_only=True, help_text="How many within reach take it."
    )
    terms = OwnTermsSerializer(source="*", default=nothing_of_its_own, help_text="What the policy says.")
    managed_by = managed_by_field()
