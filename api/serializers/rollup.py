"""Hours and days that are rolled up."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rest_framework import serializers

from api.fields import InstantField
from api.serializers.comparison import SumsSerializer, sums_shown
from api.showing import ShownRow
from probes.models import RollUpProgress
from probes.policy.intervals import Interval
from probes.policy.rollup import Rolled


class BucketSerializer(SumsSerializer):
    """An hour or a day of UTC."""

    starts_at = InstantField()

    def get_fields(self) -> dict[str, Any]:
        """Put when it was before what it was."""
        fields = super().get_fields()
        return {"starts_at": fields["starts_at"]} | fields


class RollUpsSerializer(ShownRow):
    """Hours or days of a range, oldest first. One of which nothing is rolled up is left out."""

    unit = serializers.ChoiceField(choices=RollUpProgress.Unit.choices)
    region = serializers.CharField(allow_null=True, help_text="Its slug; null is the verdict over all regions.")
    since = InstantField()
    until = InstantField()
    rollups = BucketSerializer(many=True)


def rollups_shown(
    unit: str, region: str | None, over: Interval, found: Sequence[tuple[datetime, Rolled]]
) -> dict[str, Any]:
    document = {
        "unit": unit,
        "region": region,
        "since": over.start,
        "until": over.end,
        "rollups": [{"starts_at": starts_at, **sums_shown(rolled)} for starts_at, rolled in found],
    }
    return dict(RollUpsSerializer(document).data)
