"""Planned work."""

from typing import Any, ClassVar, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import InstantField
from probes.models import MaintenanceWindow
from probes.policy.maintenance import WindowRefused
from probes.policy.recurrence import RuleRefused

SHOWN_OCCURRENCES: Final = 5


class OccurrenceSerializer(serializers.Serializer[Any]):
    starts_at = InstantField()
    ends_at = InstantField()


class WindowSerializer(serializers.ModelSerializer[MaintenanceWindow]):
    """Work that is planned, once or again and again, by the clock on the wall of its time zone.

    It concerns these resources, what belongs to these groups and what is at these registries, with regions only as
    seen from there; regions alone concern whatever is seen from them.
    """

    starts_on = serializers.DateField(help_text="By the clock of `zone`.")
    starts_at = serializers.TimeField()
    rule = serializers.CharField(help_text="When it happens again, as in RFC 5545; empty is once.")
    groups = serializers.SlugRelatedField[Any](slug_field="name", many=True, read_only=True)
    registries = serializers.SlugRelatedField[Any](slug_field="host", many=True, read_only=True)
    regions = serializers.SlugRelatedField[Any](slug_field="slug", many=True, read_only=True)

    class Meta:
        model = MaintenanceWindow
        fields: tuple[str, ...] = (
            "id",
            "name",
            "starts_on",
            "starts_at",
            "zone",
            "duration_minutes",
            "rule",
            "resources",
            "groups",
            "registries",
            "regions",
        )
        read_only_fields: ClassVar[tuple[str, ...]] = fields


class PlannedWindowSerializer(WindowSerializer):
    """A window, and when it comes next."""

    next = serializers.SerializerMethodField(help_text="The next five times, one that is on included.")

    class Meta(WindowSerializer.Meta):
        fields = (*WindowSerializer.Meta.fields, "next")
        read_only_fields: ClassVar[tuple[str, ...]] = fields

    @extend_schema_field(OccurrenceSerializer(many=True))
    def get_next(self, window: MaintenanceWindow) -> list[Any]:
        try:
            found = window.upcoming(after=timezone.now(), count=SHOWN_OCCURRENCES)
        except (RuleRefused, WindowRefused):  # of a version that took what this one does not
            found = []
        rows = [{"starts_at": start, "ends_at": end} for start, end in found]
        return list(OccurrenceSerializer(rows, many=True).data)
