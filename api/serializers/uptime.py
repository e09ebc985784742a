"""Uptime: for how long something was available, of the time that counts."""

from typing import Any

from rest_framework import serializers

from api.fields import InstantField
from api.showing import ShownRow


class SecondsSerializer(ShownRow):
    """Each second of the range, by what it showed. The last three do not count, and are shown for that."""

    available = serializers.IntegerField()
    degraded = serializers.IntegerField(help_text="Fewer regions failed than make an outage: up, and told apart.")
    unavailable = serializers.IntegerField()
    unknown = serializers.IntegerField(help_text="Nobody could tell.")
    maintenance = serializers.IntegerField(help_text="Work was planned.")
    paused = serializers.IntegerField(help_text="Nobody looked.")


class BudgetSerializer(ShownRow):
    """How much of what the target allows has been spent."""

    allowed_seconds = serializers.FloatField(help_text="What the target leaves of the seconds that count.")
    spent_seconds = serializers.IntegerField(help_text="Those that were unavailable.")
    left_seconds = serializers.FloatField(help_text="Below zero it is overspent.")
    burn_rate = serializers.FloatField(
        allow_null=True, help_text="1 spends exactly all of it, 2 twice as much; null where no second counts."
    )


class FigureSerializer(ShownRow):
    availability = serializers.FloatField(
        allow_null=True, help_text="Up, of the seconds that count, from 0 to 1. Null where none counts: no data."
    )
    seconds = SecondsSerializer()


class BudgetedFigureSerializer(FigureSerializer):
    budget = BudgetSerializer(allow_null=True, help_text="Null without a target.")


class RegionFigureSerializer(FigureSerializer):
    region = serializers.CharField(help_text="The region's slug.")

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        return {"region": fields["region"], **fields}


class _RangeSerializer(ShownRow):
    range = serializers.CharField(help_text="As asked for.")
    since = InstantField(help_text="From the full hour on.")
    until = InstantField(
        help_text="To the end of an hour, or to now; of a group, to the last hour that is rolled up."
    )
    target_percent = serializers.FloatField(allow_null=True, help_text="From the terms in force; null for none.")


class ResourceUptimeSerializer(_RangeSerializer):
    """The uptime of a resource, over all regions and from each that checks it."""

    resource = serializers.IntegerField()
    overall = BudgetedFigureSerializer(help_text="By the verdict over all regions.")
    regions = RegionFigureSerializer(many=True, help_text="As each region saw it for itself.")

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        return {"resource": fields["resource"], **fields}


class GroupUptimeSerializer(_RangeSerializer):
    """The uptime of a group: the seconds of all its resources together."""

    group = serializers.IntegerField()
    resources = serializers.IntegerField(help_text="How many belong to it now.")
    overall = BudgetedFigureSerializer(help_text="By their verdicts; the seconds of all of them are summed.")

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        return {"group": fields["group"], "resources": fields["resources"], **fields}
