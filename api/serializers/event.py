"""Events: what happened and is no failure by itself."""

from rest_framework import serializers

from api.fields import InstantField
from api.showing import ShownRow
from probes.models import Event
from probes.policy.happenings import EventKind
from probes.policy.terms import Severity

KINDS = [(item.value, item.value) for item in EventKind]
SEVERITIES = [(item.value, item.value) for item in Severity]


class EventSerializer(ShownRow):
    """Something that happened to a resource, a registry or a credential, told once."""

    id = serializers.IntegerField()
    at = InstantField(help_text="When it happened; of a tag that moved, the slot of the check that saw it first.")
    kind = serializers.ChoiceField(choices=KINDS)
    severity = serializers.ChoiceField(choices=SEVERITIES)
    subject = serializers.CharField(help_text="What it is about, in words.")
    resource = serializers.IntegerField(source="resource_id", allow_null=True, help_text="The id of a resource.")
    registry = serializers.CharField(source="registry.host", allow_null=True, help_text="The host of a registry.")
    credential = serializers.IntegerField(
        source="credential_id", allow_null=True, help_text="The id of a credential. One of the three is set."
    )
    region = serializers.SerializerMethodField(help_text="The slug of the region that saw it first, if one did.")
    text = serializers.CharField(help_text="What happened, in a sentence.")
    facts = serializers.DictField(help_text="Which ones depend on the kind, and may grow.")

    def get_region(self, event: Event) -> str | None:
        return event.region or None
