"""Regions that are enrolled, and what their machines are given."""

from typing import Any, Final

from rest_framework import serializers

from api.serializers.region import RegionSerializer
from api.strict import StrictBody
from probes.actions.enrolment import OVERLAP

_DAY_SECONDS: Final = 86_400
_LONGEST_OVERLAP_SECONDS: Final = 30 * _DAY_SECONDS


class SurroundingsSerializer(StrictBody):
    """What a region's machine is told of the world. What is left out is as the settings say."""

    broker_url = serializers.CharField(
        required=False,
        default="",
        max_length=500,
        help_text="The broker as the region reaches it, without a login: the region gets one of its own.",
    )
    image = serializers.CharField(required=False, default="", max_length=300, help_text="The edge image to run.")


class EnrolmentSerializer(SurroundingsSerializer):
    slug = serializers.CharField(max_length=40, help_text="The end of its queue's name; it never changes.")
    name = serializers.CharField(required=False, default="", max_length=100, help_text="The slug by default.")
    latitude = serializers.FloatField(required=False, allow_null=True, default=None)
    longitude = serializers.FloatField(required=False, allow_null=True, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (attrs["latitude"] is None) is not (attrs["longitude"] is None):
            raise serializers.ValidationError("Latitude and longitude come together.")
        return attrs


class RotationSerializer(SurroundingsSerializer):
    overlap_seconds = serializers.IntegerField(
        required=False,
        default=int(OVERLAP.total_seconds()),
        min_value=0,
        max_value=_LONGEST_OVERLAP_SECONDS,
        help_text="How long the keys and the password before count at most; 0 ends them at once.",
    )


class HandedOverSerializer(serializers.Serializer[Any]):
    """A region, and the files for its machine. They hold private keys and a password, and are not kept here."""

    region = RegionSerializer()
    bundle = serializers.DictField(child=serializers.CharField(), help_text="Texts of the files, by name.")
