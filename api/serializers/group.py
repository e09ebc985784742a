from rest_framework import serializers

from api.fields import NamedRowField, managed_by_field, slug_field
from api.serializers.terms import OwnTermsSerializer, nothing_of_its_own
from api.strict import StrictBody
from probes.models import Policy


class GroupSerializer(StrictBody):
    """Resources that belong together, and the terms of those that have none of their own."""

    id = serializers.IntegerField(read_only=True)
    slug = slug_field()
    name = serializers.CharField(max_length=100)
    notes = serializers.CharField(allow_blank=True, default="", max_length=10_000)
    resources = serializers.IntegerField(source="image_count", read_only=True, help_text="How many belong to it.")
    policy = NamedRowField[Policy](
        slug_field="slug",
        queryset=Policy.objects.all(),
        allow_null=True,
        default=None,
        help_text="The slug of the policy whose terms hold where the group has none of its own.",
    )
    terms = OwnTermsSerializer(source="*", default=nothing_of_its_own, help_text="What the group itself says.")
    managed_by = managed_by_field()
