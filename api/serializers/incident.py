"""Incidents, and what people have to say of them."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.access import reach_in
from api.declaring import declared
from api.fields import InstantField
from api.showing import ShownRow
from api.strict import StrictBody
from probes.actions.incidents import LONGEST_COMMENT
from probes.models import Incident, IncidentEntry
from probes.policy.incidents import Cause, EntryKind, Level
from probes.policy.scopes import Kind
from probes.policy.terms import Severity
from probes.selectors import incidents

CAUSES: Final = [(item.value, item.value) for item in Cause]
LEVELS: Final = [(item.value, item.value) for item in Level]


class ScopeSerializer(serializers.Serializer[Incident]):
    """What many resources share, and what is probably to blame."""

    kind = serializers.ChoiceField(source="scope_kind", choices=[(item.value, item.value) for item in Kind])
    name = serializers.CharField(
        source="scope_name", help_text="A host, a host and its repository, a slug, or a credential's id."
    )


class IncidentSerializer(ShownRow):
    """A time in which a resource could not be had from everywhere or from somewhere, or most of a scope could not."""

    id = serializers.IntegerField()
    subject = serializers.CharField(help_text="What it is about, in words.")
    resource = serializers.IntegerField(
        source="resource_id", allow_null=True, help_text="The resource's id; null for one of a scope."
    )
    scope = serializers.SerializerMethodField(help_text="Null for one of a resource.")
    parent = declared(
        serializers.IntegerField(
            source="parent_id", allow_null=True, help_text="The id of the incident of a scope that explains this one."
        )
    )
    extent = serializers.IntegerField(
        help_text="Of a scope: how many of its resources failed at once, at most. `?parent=` lists their incidents."
    )
    registry = serializers.CharField(
        source="resource.registry.host", allow_null=True, help_text="The resource's; null for one of a scope."
    )
    group = serializers.CharField(source="resource.group.slug", allow_null=True, help_text="The slug of its group.")
    level = serializers.ChoiceField(choices=LEVELS, help_text="How bad it is, or was last.")
    worst = serializers.ChoiceField(choices=LEVELS, help_text="The level of its worst time.")
    severity = serializers.ChoiceField(choices=[(item.value, item.value) for item in Severity])
    began_at = InstantField(help_text="The first failure of the regions that made it.")
    opened_at = InstantField(help_text="When it was clear that it is one.")
    resolved_at = InstantField(allow_null=True, help_text="Null while it is open.")
    cause = serializers.SerializerMethodField(help_text="Why it is over; null while it is open.")
    is_flapping = serializers.BooleanField(help_text="It comes and goes, and stays open until that has settled.")
    explanation = serializers.CharField(
        help_text="Why, in a sentence; once it is over, as it was told when it was last bad."
    )
    acknowledged_at = InstantField(allow_null=True, help_text="When somebody said to be at it.")
    acknowledged_by = serializers.CharField(
        source="acknowledged_by.username", allow_null=True, help_text="The name of that user."
    )

    def to_representation(self, incident: Incident) -> dict[str, Any]:
        return dict(super().to_representation(incidents.veiled(incident, reach_in(self.context))))

    @extend_schema_field(ScopeSerializer(allow_null=True))
    def get_scope(self, incident: Incident) -> dict[str, Any] | None:
        return dict(ScopeSerializer(incident).data) if incident.scope_kind else None

    @extend_schema_field(serializers.ChoiceField(choices=CAUSES, allow_null=True))
    def get_cause(self, incident: Incident) -> str | None:
        return incident.cause or None


class EntrySerializer(ShownRow):
    """One line of an incident's timeline."""

    at = InstantField()
    kind = serializers.ChoiceField(choices=[(item.value, item.value) for item in EntryKind])
    region = serializers.SerializerMethodField(
        help_text="The region's slug, where it said something else than before."
    )
    before = serializers.SerializerMethodField(help_text="A level; of a region its stance, or why it had no vote.")
    after = serializers.SerializerMethodField(help_text="What it is since; of `depth`, the status that was found.")
    slot = InstantField(
        allow_null=True,
        help_text="Of what a region found: the outcome in `/outcomes` of the resource, `region` and this slot.",
    )
    text = serializers.CharField(help_text="A sentence, a reason, or what a person wrote.")
    by = serializers.CharField(
        source="by.username", allow_null=True, help_text="The user's name; null where nobody did it."
    )

    def get_region(self, entry: IncidentEntry) -> str | None:
        return entry.region or None

    def get_before(self, entry: IncidentEntry) -> str | None:
        return entry.before or None

    def get_after(self, entry: IncidentEntry) -> str | None:
        return entry.after or None


class IncidentStorySerializer(IncidentSerializer):
    """An incident with its timeline."""

    timeline = EntrySerializer(many=True, help_text="In order; of a very long one the newest 500 entries.")
    has_earlier_entries = serializers.BooleanField(help_text="Whether there are more than these.")

    def to_representation(self, incident: Incident) -> dict[str, Any]:
        told = incidents.timeline(incident, reach=reach_in(self.context))
        incident.timeline = told.entries  # type: ignore[attr-defined]  # as if they were its own
        incident.has_earlier_entries = told.has_earlier  # type: ignore[attr-defined]  # likewise
        return dict(super().to_representation(incident))


class CommentSerializer(StrictBody):
    text = serializers.CharField(max_length=LONGEST_COMMENT)
