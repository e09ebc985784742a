"""What is checked, with how it stands."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import InstantField
from probes.models import Endpoint, RegionState, Resource, ResourceKind, Verdict
from probes.policy.ballot import Stance
from probes.policy.verdict import VerdictState
from probes.protocol.taxonomy import Depth, Reason
from probes.selectors.resources import verdict_state

VERDICT_STATES: Final = [(item.value, item.value) for item in VerdictState]


class StateSerializer(serializers.ModelSerializer[RegionState]):
    """A resource as last seen from one region."""

    region = serializers.SlugRelatedField[RegionState](
        slug_field="slug", read_only=True, help_text="The region's slug."
    )
    reason = serializers.ChoiceField(choices=[(item.value, item.value) for item in Reason])
    stance = serializers.ChoiceField(
        choices=[(item.value, item.value) for item in Stance],
        help_text="With what the region votes: its outcomes, after several that agree.",
    )
    stance_since = InstantField(allow_null=True, help_text="The first of the outcomes that made it.")
    since = InstantField(help_text="The slot since which this status holds.")
    slot = InstantField(source="last_slot", help_text="Of the last outcome.")
    checked_at = InstantField(help_text="When the last check began, by our clock as far as the region's is known.")
    egress_down = serializers.BooleanField(
        help_text="Newer outcomes came while the region reached nothing at all; shown is the last one that counts."
    )

    class Meta:
        model = RegionState
        fields = (
            "region",
            "status",
            "reason",
            "stage",
            "host",
            "digest",
            "since",
            "slot",
            "checked_at",
            "warnings",
            "consecutive_failures",
            "consecutive_successes",
            "stance",
            "stance_since",
            "egress_down",
        )
        read_only_fields = fields


class VerdictSerializer(serializers.Serializer[Any]):
    """What the regions together say."""

    state = serializers.ChoiceField(choices=VERDICT_STATES)
    since = InstantField(allow_null=True, help_text="Null before the first outcome.")
    computed_at = InstantField(allow_null=True)
    explanation = serializers.CharField(help_text="How it came about, in a sentence; empty before the first outcome.")


class EndpointSerializer(serializers.ModelSerializer[Endpoint]):
    """What is asked of an endpoint, and what its answer has to be."""

    headers = serializers.SerializerMethodField(
        help_text="Their names; the values are for those who may change them."
    )

    class Meta:
        model = Endpoint
        fields = (
            "method",
            "headers",
            "follow_redirects",
            "login_header",
            "tls_minimum",
            "statuses",
            "contains",
            "matches",
            "json_path",
            "json_equals",
            "latency_ms",
            "certificate_days",
        )
        read_only_fields = fields

    def get_headers(self, endpoint: Endpoint) -> list[str]:
        return sorted(endpoint.headers)


class ResourceSerializer(serializers.ModelSerializer[Resource]):
    """An image or endpoint that is checked: what, how often, from where, and how it stands."""

    kind = serializers.ChoiceField(choices=ResourceKind.choices)
    reference = serializers.CharField(
        source="shown_reference", help_text="As given. Of an endpoint, its URL without its query values."
    )
    canonical = serializers.CharField(
        read_only=True, help_text="`host/repository[:tag][@digest]`. Of an endpoint, the URL likewise."
    )
    registry = serializers.SlugRelatedField[Resource](
        slug_field="host", read_only=True, help_text="Its host, or the endpoint's."
    )
    endpoint = EndpointSerializer(allow_null=True, help_text="What is asked and expected; null for an image.")
    tag = serializers.SerializerMethodField()
    digest = serializers.SerializerMethodField(help_text="The one that the reference names; null for a mere tag.")
    platforms = serializers.ListField(child=serializers.CharField(), help_text="Or the single word `all`.")
    strict_platform = serializers.BooleanField(
        help_text="Whether a reference to one image that is for another platform is `platform_missing` "
        "(unavailable), instead of available with the warning `platform_mismatch`."
    )
    depth = serializers.ChoiceField(
        choices=[(item.value, item.value) for item in Depth], allow_null=True, help_text="Null is automatic."
    )
    interval_seconds = serializers.IntegerField()
    manifest_cadence_seconds = serializers.IntegerField(
        help_text="How often an unchanged image's manifests are read again."
    )
    blobs_cadence_seconds = serializers.IntegerField(
        help_text="How often an unchanged image's config and layers are asked for, where the depth is automatic."
    )
    sample_blobs = serializers.BooleanField(
        help_text="Whether some layers are looked at in turn instead of all; such an outcome warns `probe_sampled`."
    )
    check_tag = serializers.BooleanField(
        help_text="Whether, of `name:tag@digest`, the tag is asked for as well; one that points elsewhere by now is "
        "the warning `tag_moved`."
    )
    is_tag_immutable = serializers.BooleanField(
        help_text="Whether the tag is to point at one digest for ever; should it move, that is a critical event."
    )
    credential = serializers.IntegerField(
        source="credential_id",
        allow_null=True,
        help_text="The id of the credential chosen for it; null is automatic.",
    )
    regions = serializers.SlugRelatedField[Resource](
        slug_field="slug", read_only=True, many=True, help_text="Where it is checked from; empty is everywhere."
    )
    group = serializers.CharField(
        source="group.name",
        allow_null=True,
        read_only=True,
        help_text="The name of the group whose terms hold where it has none of its own; null for none.",
    )
    labels = serializers.DictField(child=serializers.CharField())
    paused_at = InstantField(allow_null=True)
    next_due_at = InstantField()
    created_at = InstantField()
    updated_at = InstantField()
    verdict = serializers.SerializerMethodField()
    states = StateSerializer(many=True, read_only=True)

    class Meta:
        model = Resource
        fields = (
            "id",
            "name",
            "kind",
            "reference",
            "canonical",
            "registry",
            "repository",
            "tag",
            "digest",
            "platforms",
            "strict_platform",
            "depth",
            "interval_seconds",
            "manifest_cadence_seconds",
            "blobs_cadence_seconds",
            "sample_blobs",
            "check_tag",
            "is_tag_immutable",
            "endpoint",
            "credential",
            "regions",
            "group",
            "labels",
            "paused_at",
            "next_due_at",
            "created_at",
            "updated_at",
            "verdict",
            "states",
        )
        read_only_fields = fields

    def get_tag(self, resource: Resource) -> str | None:
        return resource.tag or None

    def get_digest(self, resource: Resource) -> str | None:
        return resource.digest or None

    @extend_schema_field(VerdictSerializer)
    def get_verdict(self, resource: Resource) -> dict[str, object]:
        verdict: Verdict | None = getattr(resource, "verdict", None)
        facts = {
            "state": verdict_state(resource).value,
            "since": verdict.since if verdict else None,
            "computed_at": verdict.computed_at if verdict else None,
            "explanation": verdict.explanation if verdict else "",
        }
        return dict(VerdictSerializer(facts).data)


class ListedResourceSerializer(ResourceSerializer):
    """A resource in a list, with its states where they are asked for."""

    states = StateSerializer(many=True, required=False, help_text="With `include=states` only.")

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if not self.context.get("with_states", True):
            del fields["states"]
        return fields
