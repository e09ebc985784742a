from rest_framework import serializers

from api.fields import slug_field
from api.strict import StrictBody


class SourceSerializer(StrictBody):
    """A program that makes and changes rows, such as one that applies a directory of files."""

    id = serializers.IntegerField(read_only=True)
    slug = slug_field()
    name = serializers.CharField(max_length=100)
    notes = serializers.CharField(allow_blank=True, default="", max_length=10_000)
    resources = serializers.IntegerField(
        source="resource_count", read_only=True, help_text="How many resources it manages."
    )
    stale = serializers.IntegerField(
        source="stale_count",
        read_only=True,
        help_text="Of these, how many it lists no more that are checked on.",
    )
    retired = serializers.IntegerField(
        source="retired_count", read_only=True, help_text="Of these, how many are checked no more."
    )
