"""Regions, what their workers last said of themselves, and what happened to them."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import InstantField
from api.strict import StrictBody
from probes.models import Region, RegionEvent
from probes.policy.liveness import RegionCondition
from probes.protocol.egress import EgressState
from probes.selectors.regions import last_round
from probes.selectors.workers import are_more, newest_first

CONDITIONS: Final = [(item.value, item.value) for item in RegionCondition]


class CanarySerializer(serializers.Serializer[Any]):
    """How one canary answered, or why it did not."""

    url = serializers.CharField()
    http_status = serializers.IntegerField(allow_null=True, help_text="Any is an answer.")
    error = serializers.CharField(allow_null=True)
    total_ms = serializers.FloatField()


class CanaryRoundSerializer(serializers.Serializer[Any]):
    """All canaries, asked once."""

    ended_at = InstantField(help_text="By the region's clock.")
    canaries = CanarySerializer(many=True)
    local_address = serializers.CharField(allow_null=True, help_text="Where the region's connections come from.")
    public_address = serializers.CharField(allow_null=True, help_text="As a canary that tells saw it.")


class RegionWorkerSerializer(serializers.Serializer[Any]):
    """The last heartbeat of one worker process; its counts are since the process began."""

    worker = serializers.UUIDField()
    host = serializers.CharField(default="", help_text="The name of its machine.")
    version = serializers.CharField()
    started_at = InstantField(help_text="By the region's clock.")
    received_at = InstantField(help_text="By the control plane's clock.")
    in_flight = serializers.IntegerField()
    seats = serializers.IntegerField(default=0, help_text="How many checks it has in flight at most.")
    load_per_core = serializers.FloatField(default=None, allow_null=True, help_text="Load average of its machine.")
    checks_run = serializers.IntegerField()
    batches_run = serializers.IntegerField()
    spooled_reports = serializers.IntegerField(help_text="Waiting for the broker.")
    dropped_reports = serializers.IntegerField()
    refused = serializers.DictField(child=serializers.IntegerField(), help_text="Messages refused, by cause.")
    queue_length = serializers.IntegerField(allow_null=True)
    queue_lag_seconds = serializers.FloatField(default=0.0, help_text="How long what it last took had been waiting.")
    egress = serializers.SerializerMethodField(help_text="Whether its canaries answer.")
    egress_down_since = InstantField(
        default=None, allow_null=True, help_text="Since when none does; what it finds is marked and does not vote."
    )
    clock_offset_seconds = serializers.FloatField(
        default=None, allow_null=True, help_text="How far its clock is ahead of the control plane's; corrected for."
    )
    clock_uncertainty_seconds = serializers.FloatField(
        default=None, allow_null=True, help_text="Likewise; null while it is only a lower bound."
    )

    @extend_schema_field(serializers.ChoiceField(choices=[(item.value, item.value) for item in EgressState]))
    def get_egress(self, worker: dict[str, Any]) -> str:
        return str(worker.get("egress", {}).get("state", EgressState.UNKNOWN))


class RegionSerializer(serializers.ModelSerializer[Region]):
    """A vantage point."""

    state = serializers.SerializerMethodField(
        help_text="Only `active` and `late` regions vote. `announced` has no keys yet, `silent` sends no heartbeats, "
        "`egress_down` reaches nothing, and what it finds is marked; `late` is behind with its queue."
    )
    since = InstantField(source="condition_since", allow_null=True, help_text="Since when it is in that state.")
    last_seen_at = InstantField(allow_null=True, help_text="When its last heartbeat arrived.")
    silent_since = InstantField(allow_null=True)
    egress_down_since = InstantField(allow_null=True)
    late_since = InstantField(allow_null=True)
    draining_at = InstantField(allow_null=True)
    paused_at = InstantField(allow_null=True)
    retired_at = InstantField(allow_null=True)
    queue_lag_seconds = serializers.FloatField(allow_null=True, help_text="How long batches wait in its queue.")
    stride = serializers.IntegerField(
        help_text="It is sent every so many-th slot of each resource; more than 1 while it cannot keep up."
    )
    clock_offset_seconds = serializers.FloatField(
        allow_null=True,
        help_text="How far its clock is ahead of the control plane's; of several workers, the one furthest ahead.",
    )
    clock_uncertainty_seconds = serializers.FloatField(
        allow_null=True,
        help_text="How much that may be wrong either way; null while it is only a lower bound.",
    )
    last_round = serializers.SerializerMethodField(help_text="The last canaries that it asked; null if it asks none.")
    workers = serializers.SerializerMethodField(help_text="Newest heartbeat first; at most 20.")
    has_more_workers = serializers.SerializerMethodField(help_text="Whether more are heard than are listed.")

    managed_by = serializers.CharField(
        source="managed_by.slug", default=None, allow_null=True, help_text="The source that manages it; else null."
    )

    class Meta:
        model = Region
        fields = (
            "slug",
            "name",
            "latitude",
            "longitude",
            "state",
            "since",
            "last_seen_at",
            "silent_since",
            "egress_down_since",
            "late_since",
            "draining_at",
            "paused_at",
            "retired_at",
            "queue_lag_seconds",
            "stride",
            "clock_offset_seconds",
            "clock_uncertainty_seconds",
            "last_round",
            "workers",
            "has_more_workers",
            "managed_by",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=CONDITIONS))
    def get_state(self, region: Region) -> str:
        return region.condition.value

    @extend_schema_field(CanaryRoundSerializer(allow_null=True))
    def get_last_round(self, region: Region) -> dict[str, Any] | None:
        found = last_round(region)
        return None if found is None else dict(CanaryRoundSerializer(found).data)

    @extend_schema_field(RegionWorkerSerializer(many=True))
    def get_workers(self, region: Region) -> list[dict[str, Any]]:
        return [RegionWorkerSerializer(worker).data for worker in newest_first(region)]

    def get_has_more_workers(self, region: Region) -> bool:
        return are_more(region)


class RegionSettingsSerializer(StrictBody):
    """What people say of a region: all else it says itself, or is ordered."""

    name = serializers.CharField(max_length=100)
    latitude = serializers.FloatField(
        min_value=-90, max_value=90, allow_null=True, default=None, help_text="With `longitude`, or neither."
    )
    longitude = serializers.FloatField(min_value=-180, max_value=180, allow_null=True, default=None)


class RegionEventSerializer(serializers.ModelSerializer[RegionEvent]):
    """One change of a region's state, or of one of its workers'."""

    at = InstantField()
    worker = serializers.UUIDField(
        allow_null=True,
        help_text="Null: the region itself. Else the one worker of several that lost its way out, while the region "
        "did not, or that has it back.",
    )

    class Meta:
        model = RegionEvent
        fields = ("id", "at", "worker", "before", "after", "detail")
        read_only_fields = fields
