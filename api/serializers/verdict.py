"""Verdicts as they are now, and how they changed."""

from typing import Any

from rest_framework import serializers

from api.fields import InstantField
from api.serializers.resource import VERDICT_STATES, VerdictSerializer, said
from api.showing import ShownRow
from probes.models import Resource


class ResourceVerdictSerializer(VerdictSerializer):
    """The verdict on a resource."""

    resource = serializers.IntegerField(help_text="The resource's id.")
    slug = serializers.CharField(help_text="The resource's stable name.")

    def get_fields(self) -> dict[str, Any]:
        """Put what it is about first."""
        fields = super().get_fields()
        return {name: fields[name] for name in ("resource", "slug")} | fields

    def to_representation(self, resource: Resource) -> dict[str, Any]:
        return super().to_representation({"resource": resource.pk, "slug": resource.slug, **said(resource)})


class VerdictChangeSerializer(ShownRow):
    """From `at` on the verdict is `state`."""

    id = serializers.IntegerField()
    at = InstantField()
    before = serializers.ChoiceField(choices=VERDICT_STATES)
    state = serializers.ChoiceField(choices=VERDICT_STATES)
    explanation = serializers.CharField(help_text="How it came about, in a sentence.")
