"""What is checked, with how it stands."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import InstantField, NamedRowField, NamedRowsField, managed_by_field, slug_field
from api.serializers.endpoint import EndpointSerializer, usual_request
from api.serializers.terms import OwnTermsSerializer, nothing_of_its_own
from api.showing import ShownRow
from api.strict import StrictBody
from probes.models import (
    Credential,
    Policy,
    Region,
    RegionState,
    Resource,
    ResourceGroup,
    ResourceKind,
    Schedule,
    Verdict,
)
from probes.models.resource import DEFAULT_INTERVAL_SECONDS, default_platforms
from probes.models.validation import LONGEST_INTERVAL_SECONDS, LONGEST_LABEL
from probes.policy.ballot import Stance
from probes.policy.depth import BLOBS_CADENCE, MANIFEST_CADENCE
from probes.policy.verdict import VerdictState
from probes.protocol.taxonomy import Depth, Reason
from probes.selectors.resources import verdict_state

SHOWN_STATES: Final = "shown_states"
VERDICT_STATES: Final = [(item.value, item.value) for item in VerdictState]


def said(resource: Resource) -> dict[str, Any]:
    """Return what is said of a resource that was read with its verdict."""
    verdict: Verdict | None = getattr(resource, "verdict", None)
    return {
        "state": verdict_state(resource).value,
        "since": verdict.since if verdict else None,
        "computed_at": verdict.computed_at if verdict else None,
        "explanation": verdict.explanation if verdict else "",
    }


class StateSerializer(ShownRow, serializers.ModelSerializer[RegionState]):
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
    duration_ms = serializers.IntegerField(allow_null=True, help_text="How long that check took.")
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
            "duration_ms",
            "warnings",
            "consecutive_failures",
            "consecutive_successes",
            "stance",
            "stance_since",
            "egress_down",
        )
        read_only_fields = fields


@extend_schema_field(StateSerializer(many=True))
class StatesField(serializers.ReadOnlyField):
    """The states of a resource that was read with `SHOWN_STATES`."""

    def get_attribute(self, instance: Resource) -> Any:
        return getattr(instance, SHOWN_STATES)


class VerdictSerializer(ShownRow):
    """What the regions together say."""

    state = serializers.ChoiceField(choices=VERDICT_STATES)
    since = InstantField(allow_null=True, help_text="Null before the first outcome.")
    computed_at = InstantField(allow_null=True)
    explanation = serializers.CharField(help_text="How it came about, in a sentence; empty before the first outcome.")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Show what is said of a resource that was read with its verdict, or what was put together."""
        return dict(super().to_representation(said(instance) if isinstance(instance, Resource) else instance))


def _seconds(default: int, help_text: str) -> serializers.IntegerField:
    return serializers.IntegerField(
        default=default, min_value=1, max_value=LONGEST_INTERVAL_SECONDS, help_text=help_text
    )


def _flag(help_text: str) -> serializers.BooleanField:
    return serializers.BooleanField(default=False, help_text=help_text)


class _ReferenceField(serializers.CharField):
    def get_attribute(self, instance: Resource) -> str:
        return instance.shown_reference


class ResourceSerializer(StrictBody):
    """An image or endpoint that is checked: what, how often, from where, on which terms, and how it stands."""

    id = serializers.IntegerField(read_only=True)
    slug = slug_field()
    name = serializers.CharField(max_length=255, allow_blank=True, default="")
    kind = serializers.ChoiceField(
        choices=ResourceKind.choices, required=False, help_text="An image if left out; it does not change."
    )
    reference = _ReferenceField(
        max_length=1024,
        help_text="As you would pull it, or an endpoint's URL, which is shown without its query values; sent as it "
        "is shown, it stays.",
    )
    canonical = serializers.CharField(
        read_only=True, help_text="`host/repository[:tag][@digest]`. Of an endpoint, the URL likewise."
    )
    registry = serializers.CharField(source="registry.host", read_only=True, help_text="Its host, or the endpoint's.")
    repository = serializers.CharField(read_only=True)
    tag = serializers.SerializerMethodField()
    digest = serializers.SerializerMethodField(help_text="The one that the reference names; null for a mere tag.")
    platforms = serializers.ListField(
        child=serializers.CharField(max_length=100),
        allow_empty=False,
        max_length=20,
        default=default_platforms,
        help_text="Or the single word `all`.",
    )
    strict_platform = _flag(
        "Whether a reference to one image that is for another platform is `platform_missing` (unavailable), instead "
        "of available with the warning `platform_mismatch`."
    )
    depth = serializers.ChoiceField(
        choices=[(item.value, item.value) for item in Depth],
        allow_null=True,
        default=None,
        help_text="Null is automatic.",
    )
    interval_seconds = _seconds(DEFAULT_INTERVAL_SECONDS, "Between checks, where there is no `schedule`.")
    schedule = NamedRowField[Schedule](
        slug_field="slug",
        queryset=Schedule.objects.all(),
        allow_null=True,
        default=None,
        help_text="The slug of one that is in place of the interval.",
    )
    every_seconds = serializers.IntegerField(
        read_only=True, help_text="Between checks, by its schedule or its interval; of a crontab, about now."
    )
    manifest_cadence_seconds = _seconds(
        int(MANIFEST_CADENCE.total_seconds()), "How often an unchanged image's manifests are read again."
    )
    blobs_cadence_seconds = _seconds(
        int(BLOBS_CADENCE.total_seconds()),
        "How often an unchanged image's config and layers are asked for, where the depth is automatic.",
    )
    sample_blobs = _flag(
        "Whether some layers are looked at in turn instead of all; such an outcome warns `probe_sampled`."
    )
    check_tag = _flag(
        "Whether, of `name:tag@digest`, the tag is asked for as well; one that points elsewhere by now is the "
        "warning `tag_moved`."
    )
    is_tag_immutable = _flag(
        "Whether the tag is to point at one digest for ever; should it move, that is a critical event."
    )
    endpoint = EndpointSerializer(
        source="*", allow_null=True, default=usual_request, help_text="What is asked and expected; null for an image."
    )
    credential = NamedRowField[Credential](
        slug_field="slug",
        queryset=Credential.objects.select_related("registry"),
        allow_null=True,
        default=None,
        help_text="The slug of the one that was chosen for it; null is automatic.",
    )
    regions = NamedRowsField(
        queryset=Region.objects.only("pk", "slug"),
        default=list,
        help_text="The slugs of where it is checked from; empty is everywhere.",
    )
    group = NamedRowField[ResourceGroup](
        slug_field="slug",
        queryset=ResourceGroup.objects.all(),
        allow_null=True,
        default=None,
        help_text="The slug of the group whose terms hold where it has none of its own.",
    )
    policy = NamedRowField[Policy](
        slug_field="slug",
        queryset=Policy.objects.all(),
        allow_null=True,
        default=None,
        help_text="The slug of the policy whose terms hold before those of the group.",
    )
    terms = OwnTermsSerializer(source="*", default=nothing_of_its_own, help_text="What the resource itself says.")
    labels = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=LONGEST_LABEL), default=dict
    )
    managed_by = managed_by_field()
    paused_at = InstantField(allow_null=True, read_only=True)
    resumes_at = InstantField(allow_null=True, read_only=True, help_text="When the pause ends by itself.")
    stale_at = InstantField(allow_null=True, read_only=True, help_text="Since when its source lists it no more.")
    retired_at = InstantField(allow_null=True, read_only=True, help_text="Since when it is kept for its history.")
    next_due_at = InstantField(read_only=True)
    created_at = InstantField(read_only=True)
    updated_at = InstantField(read_only=True)
    verdict = VerdictSerializer(source="*", read_only=True)
    states = StatesField(read_only=True)

    def get_tag(self, resource: Resource) -> str | None:
        return resource.tag or None

    def get_digest(self, resource: Resource) -> str | None:
        return resource.digest or None

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        row: Any = self.instance
        kind = attrs.get("kind") or (row.kind if row is not None else ResourceKind.IMAGE)
        if kind == ResourceKind.IMAGE and self.initial_data.get("endpoint") is not None:
            raise serializers.ValidationError({"endpoint": "An image has none. Its kind is to be `http`."})
        return attrs


class ListedResourceSerializer(ResourceSerializer):
    """A resource in a list, with its states where they are asked for."""

    states = StatesField(read_only=True, help_text="With `include=states` only.")

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if not self.context.get("with_states", True):
            del fields["states"]
        return fields
