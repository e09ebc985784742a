"""Regions, and what their workers last said of themselves."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import InstantField
from probes.models import Region
from probes.policy.liveness import RegionCondition


class WorkerSerializer(serializers.Serializer[Any]):
    """The last heartbeat of one worker process; its counts are since the process began."""

    worker = serializers.UUIDField()
    version = serializers.CharField()
    started_at = InstantField(help_text="By the region's clock.")
    received_at = InstantField(help_text="By the control plane's clock.")
    in_flight = serializers.IntegerField()
    checks_run = serializers.IntegerField()
    batches_run = serializers.IntegerField()
    spooled_reports = serializers.IntegerField(help_text="Waiting for the broker.")
    dropped_reports = serializers.IntegerField()
    refused = serializers.DictField(child=serializers.IntegerField(), help_text="Messages refused, by cause.")
    queue_length = serializers.IntegerField(allow_null=True)


class RegionSerializer(serializers.ModelSerializer[Region]):
    """A vantage point."""

    state = serializers.SerializerMethodField(
        help_text="`announced` has no keys yet; `silent` sends no heartbeats and has no vote."
    )
    last_seen_at = InstantField(allow_null=True, help_text="When its last heartbeat arrived.")
    silent_since = InstantField(allow_null=True)
    paused_at = InstantField(allow_null=True)
    retired_at = InstantField(allow_null=True)
    workers = serializers.SerializerMethodField(help_text="Newest heartbeat first.")

    class Meta:
        model = Region
        fields = (
            "slug",
            "name",
            "latitude",
            "longitude",
            "state",
            "last_seen_at",
            "silent_since",
            "paused_at",
            "retired_at",
            "workers",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=[(item.value, item.value) for item in RegionCondition]))
    def get_state(self, region: Region) -> str:
        return region.condition.value

    @extend_schema_field(WorkerSerializer(many=True))
    def get_workers(self, region: Region) -> list[dict[str, Any]]:
        workers = region.heartbeat.get("workers", {}).values()
        newest_first = sorted(workers, key=lambda worker: str(worker["received_at"]), reverse=True)
        return [WorkerSerializer(worker).data for worker in newest_first]
