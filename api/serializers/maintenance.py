"""Planned work."""

from datetime import timedelta
from typing import Any, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import InstantField, NamedRowsField, TimeOfDayField, slug_field
from api.strict import StrictBody
from probes.models import MaintenanceWindow, Region, Registry, Resource, ResourceGroup
from probes.policy.maintenance import LONGEST, WindowRefused
from probes.policy.recurrence import LONGEST_RULE, RuleRefused

SHOWN_OCCURRENCES: Final = 5


class OccurrenceSerializer(serializers.Serializer[Any]):
    starts_at = InstantField()
    ends_at = InstantField()


class WindowSerializer(StrictBody):
    """Work that is planned, once or again and again, by the clock on the wall of its time zone.

    It concerns these resources, what belongs to these groups and what is at these registries, with regions only as
    seen from there; regions alone concern whatever is seen from them.
    """

    id = serializers.IntegerField(read_only=True)
    slug = slug_field()
    name = serializers.CharField(max_length=200)
    starts_on = serializers.DateField(help_text="By the clock of `zone`.")
    starts_at = TimeOfDayField(help_text="By the clock of `zone`, such as 14:00.")
    zone = serializers.CharField(max_length=60, default="UTC", help_text="Such as Europe/Berlin.")
    duration_minutes = serializers.IntegerField(min_value=1, max_value=LONGEST // timedelta(minutes=1))
    rule = serializers.CharField(
        max_length=LONGEST_RULE,
        allow_blank=True,
        default="",
        help_text="When it happens again, as in RFC 5545; empty is once.",
    )
    resources = NamedRowsField(queryset=Resource.objects.only("pk", "slug"), default=list, help_text="Their slugs.")
    groups = NamedRowsField(queryset=ResourceGroup.objects.only("pk", "slug"), default=list, help_text="Their slugs.")
    registries = NamedRowsField(
        queryset=Registry.objects.only("pk", "host"), named_by="host", default=list, help_text="Their hosts."
    )
    regions = NamedRowsField(queryset=Region.objects.only("pk", "slug"), default=list, help_text="Their slugs.")


class PlannedWindowSerializer(WindowSerializer):
    """A window, and when it comes next."""

    next = serializers.SerializerMethodField(help_text="The next five times, one that is on included.")

    @extend_schema_field(OccurrenceSerializer(many=True))
    def get_next(self, window: MaintenanceWindow) -> list[Any]:
        try:
            found = window.upcoming(after=timezone.now(), count=SHOWN_OCCURRENCES)
        except (RuleRefused, WindowRefused):  # of a version that took what this one does not
            found = []
        rows = [{"starts_at": start, "ends_at": end} for start, end in found]
        return list(OccurrenceSerializer(rows, many=True).data)
