from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.serializers.terms import LayerSerializer, said
from probes.models import ResourceGroup


class GroupSerializer(serializers.Serializer[ResourceGroup]):
    """Resources that belong together, and the terms of those that have none of their own."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    notes = serializers.CharField()
    resources = serializers.IntegerField(source="image_count", help_text="How many belong to it.")
    terms = serializers.SerializerMethodField(help_text="What the group itself says.")

    @extend_schema_field(LayerSerializer)
    def get_terms(self, group: ResourceGroup) -> dict[str, Any]:
        return dict(LayerSerializer(said(group.layer)).data)
