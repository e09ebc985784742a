"""The verdict on a resource: what it is, how it came about, and on which terms."""

from typing import Any

from rest_framework import serializers

from api.fields import InstantField
from api.serializers.resource import VerdictSerializer
from api.serializers.terms import OriginsField, QuorumSerializer, TermsSerializer
from probes.policy.ballot import Stance
from probes.policy.uptime import Shown
from probes.policy.verdict import Presence
from probes.protocol.taxonomy import Reason, Stage, Status

SHOWN = [(item.value, item.value) for item in Shown]


class VoteSerializer(serializers.Serializer[Any]):
    """A region that is to check the resource, and how it stands there. Null where it has said nothing."""

    region = serializers.CharField()
    presence = serializers.ChoiceField(
        choices=[(item.value, item.value) for item in Presence], help_text="Whether it can vote at all."
    )
    stride = serializers.IntegerField(help_text="It is sent every so-manieth slot.")
    status = serializers.ChoiceField(
        choices=[(item.value, item.value) for item in Status], allow_null=True, help_text="Of its newest outcome."
    )
    reason = serializers.ChoiceField(choices=[(item.value, item.value) for item in Reason], allow_null=True)
    stage = serializers.ChoiceField(choices=[(item.value, item.value) for item in Stage], allow_null=True)
    host = serializers.CharField(allow_null=True)
    detail = serializers.CharField(help_text="What a failure said of itself: cleaned, still foreign.")
    slot = InstantField(allow_null=True)
    stance = serializers.ChoiceField(
        choices=[(item.value, item.value) for item in Stance], help_text="With what it votes."
    )
    since = InstantField(allow_null=True)
    told_at = InstantField(allow_null=True, help_text="The slot of the newest outcome that could tell.")


class InputsSerializer(serializers.Serializer[Any]):
    """All that the verdict depends on. Computed again from these it comes out the same."""

    now = InstantField()
    interval_seconds = serializers.IntegerField()
    quorum = QuorumSerializer()
    minimum_votes = serializers.IntegerField()
    fresh_intervals = serializers.IntegerField()
    votes = VoteSerializer(many=True)


class DecisionSerializer(serializers.Serializer[Any]):
    """How the verdict follows from its inputs."""

    counted = serializers.IntegerField(help_text="Votes that count.")
    failing = serializers.IntegerField(help_text="Those of them that are not good.")
    bad = serializers.IntegerField(help_text="Those of them that are bad.")
    needed = serializers.IntegerField(help_text="So many bad ones are an outage.")
    left_out = serializers.DictField(
        child=serializers.CharField(), help_text="For each region without a vote that counts, why."
    )
    witnesses = serializers.ListField(
        child=serializers.CharField(), help_text="Regions without a vote whose last word speaks against an outage."
    )


class WorkSerializer(serializers.Serializer[Any]):
    """Planned work that is on."""

    name = serializers.CharField()
    starts_at = InstantField()
    ends_at = InstantField()


class StandingSerializer(VerdictSerializer):
    """The verdict, what is shown over it, and all that it came from."""

    resource = serializers.IntegerField()
    shown = serializers.ChoiceField(
        choices=SHOWN,
        help_text="The state, unless it is paused or planned work is on: verdicts go on being made meanwhile.",
    )
    stale_at = InstantField(allow_null=True, help_text="When a vote in it lapses and it is computed again.")
    maintenance = WorkSerializer(allow_null=True)
    incident = serializers.IntegerField(allow_null=True, help_text="The id of the one that is open.")
    inputs = InputsSerializer(allow_null=True, help_text="Null before the first outcome.")
    decision = DecisionSerializer(allow_null=True, help_text="Null before the first outcome.")
    terms = TermsSerializer(help_text="As they are in force now; the verdict follows within seconds.")
    origins = OriginsField(help_text="Who has settled each of the terms.")

    def get_fields(self) -> dict[str, Any]:
        """Put what it is about first."""
        fields = super().get_fields()
        return {"resource": fields["resource"], **fields}
