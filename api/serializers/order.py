"""A check that is asked for by hand."""

from typing import Any
from urllib.parse import urlencode

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from api.fields import InstantField
from api.strict import StrictBody
from probes.protocol.outcome import rfc3339
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


class OrderedSerializer(serializers.Serializer[Any]):
    """A check that was sent to its regions. Its outcomes carry this slot."""

    resource = serializers.IntegerField()
    slot = InstantField()
    regions = serializers.ListField(child=serializers.CharField(), help_text="Slugs of the regions it went to.")
    outcomes = serializers.SerializerMethodField(help_text="Where its outcomes appear, within seconds.")

    @extend_schema_field(serializers.URLField)
    def get_outcomes(self, ordered: dict[str, Any]) -> str:
        query = urlencode({"resource": ordered["resource"], "since": rfc3339(ordered["slot"])})
        return f"{reverse('api:outcomes-list', request=self.context['request'])}?{query}"
