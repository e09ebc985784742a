"""A stored outcome: its document, and which check it was."""

from typing import Any

from rest_framework import serializers

from api.fields import InstantField
from api.serializers.document import DocumentSerializer
from probes.models import Outcome
from probes.selectors.outcomes import document_of


class OutcomeSerializer(DocumentSerializer):
    """What one check found, from one region, for one slot.

    The document of `manage.py probe --json`, with `id`, `resource`, `region`, `slot` and `egress_down`. It is kept
    whole where it told something new: the first outcome, any that is not available, and any whose status, reason or
    digest differs from the one before. Of the others a summary is kept, and the fields marked so are null.
    """

    id = serializers.IntegerField(help_text="In order of arrival.")
    resource = serializers.IntegerField(help_text="The resource's id.")
    region = serializers.CharField(help_text="The region's slug.")
    slot = InstantField(help_text="When the check was due. With `resource` and `region` it names the check for ever.")

    egress_down = serializers.BooleanField(
        help_text="The region reached nothing at all: what was found says nothing about the image, and has no vote."
    )

    def to_representation(self, outcome: Outcome) -> dict[str, Any]:
        named = {
            "id": outcome.pk,
            "resource": outcome.resource_id,
            "region": outcome.region.slug,
            "slot": outcome.slot,
            "egress_down": outcome.egress_down,
        }
        return dict(super().to_representation({**document_of(outcome), **named}))

    def get_fields(self) -> dict[str, Any]:
        """Put what names the check before what it found."""
        fields = super().get_fields()
        names = ("id", "resource", "region", "slot", "egress_down")
        return {**{name: fields[name] for name in names}, **fields}
