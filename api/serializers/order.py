"""Checks that are asked for by hand."""

import re
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import InstantField
from api.resource_queries import ResourceFilter
from api.strict import StrictBody
from probes.actions.resources import LONGEST_PAUSE
from probes.policy import names
from probes.policy.runs import MOST_RESOURCES
from probes.protocol.taxonomy import Depth


class OrderSerializer(StrictBody):
    """What to check now. All of it may be left out."""

    regions = serializers.ListField(
        child=serializers.CharField(max_length=40),
        required=False,
        allow_null=True,
        allow_empty=False,
        max_length=100,
        default=None,
        help_text="Slugs; left out or null, all regions of the resource.",
    )
    depth = serializers.ChoiceField(
        choices=[(item.value, item.value) for item in Depth],
        required=False,
        allow_null=True,
        default=None,
        help_text="Left out or null, as for a scheduled check.",
    )


class PauseSerializer(StrictBody):
    """For how long not to check. It may be left out."""

    until = InstantField(
        required=False,
        allow_null=True,
        default=None,
        help_text=f"When it is resumed by itself, within {LONGEST_PAUSE.days} days. Left out or null: not by itself.",
    )


@extend_schema_field({"oneOf": [{"type": "string", "maxLength": 100}, {"type": "integer", "minimum": 1}]})
class ResourceNameField(serializers.Field[int | str, Any, int | str, Any]):
    """A resource by its stable name, or by its id."""

    def to_internal_value(self, data: Any) -> int | str:
        if isinstance(data, str) and re.fullmatch(names.PATTERN, data) and len(data) <= names.LONGEST:
            return data
        if type(data) is int and 0 < data < 2**63:
            return data
        raise serializers.ValidationError("Write a stable name or an id.", "invalid")

    def to_representation(self, value: int | str) -> int | str:
        return value


class ManyOrderSerializer(OrderSerializer):
    """Which resources to check now: those listed, or those that a filter finds. At most a hundred."""

    resources = serializers.ListField(
        child=ResourceNameField(),
        required=False,
        allow_empty=False,
        max_length=MOST_RESOURCES,
        help_text="Their stable names, or their ids.",
    )
    filter = ResourceFilter(required=False, help_text="What narrows the list of resources, in place of `resources`.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("resources" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError({"resources": ["Write either resources or a filter."]})
        return attrs
