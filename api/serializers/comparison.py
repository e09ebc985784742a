"""What regions see of the same thing, side by side."""

from typing import Any, Final

from rest_framework import serializers

from api.declaring import declared
from api.fields import InstantField
from api.figures import figure
from api.serializers.resource import StateSerializer
from api.serializers.uptime import FigureSerializer
from api.showing import ShownRow
from probes.models import OwnerKind
from probes.policy.latency import Timed
from probes.policy.liveness import RegionCondition
from probes.policy.rollup import Rolled
from probes.protocol.taxonomy import Reason, Stage, Status
from probes.selectors.comparison import MOST_LOOKED_AT, MOST_SPLIT, Comparison, Seen

RESOURCE: Final = "resource"
KINDS: Final = [(kind, kind) for kind in (RESOURCE, *OwnerKind.values)]
STEPS: Final = [(timed.name.lower(), timed.name.lower()) for timed in Timed]
PERCENTILES: Final = (50, 95, 99)
_STAGES: Final = [(item.value, item.value) for item in Stage]


class LatencySerializer(ShownRow):
    """How long something took, in milliseconds, by counts in fixed buckets: within 10 % of what it was."""

    step = serializers.ChoiceField(
        choices=STEPS, help_text="`check` is all of a check; else its slowest exchange of that stage."
    )
    count = serializers.IntegerField(help_text="So many were timed.")
    p50_ms = serializers.FloatField()
    p95_ms = serializers.FloatField()
    p99_ms = serializers.FloatField()


class SumsSerializer(FigureSerializer):
    """What was found in the range, and for how long it could be had."""

    outcomes = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="How many there were, by status; what there was none of is left out.",
    )
    without_egress = serializers.IntegerField(
        help_text="Outcomes from before the region reached anything: not counted."
    )
    latency = LatencySerializer(many=True, help_text="Steps that were timed.")


class PhasesSerializer(ShownRow):
    """One exchange of the last check, in milliseconds; null is a phase that was not: of a connection kept open."""

    stage = serializers.ChoiceField(choices=_STAGES)
    host = serializers.CharField()
    http_status = serializers.IntegerField(allow_null=True)
    dns_ms = serializers.FloatField(allow_null=True)
    connect_ms = serializers.FloatField(allow_null=True)
    tls_ms = serializers.FloatField(allow_null=True)
    first_byte_ms = serializers.FloatField(allow_null=True)
    total_ms = serializers.FloatField()


class FailureSerializer(ShownRow):
    """An outcome that was not available: the one in `/outcomes` of `resource`, the region and `slot`."""

    resource = serializers.IntegerField(source="resource_id", help_text="The resource's id.")
    status = serializers.ChoiceField(choices=[(item.value, item.value) for item in Status])
    reason = serializers.ChoiceField(choices=[(item.value, item.value) for item in Reason])
    stage = serializers.ChoiceField(choices=_STAGES, allow_null=True)
    host = serializers.CharField(allow_null=True)
    slot = InstantField()


class ManySerializer(ShownRow):
    """The resources of a registry or a group, as one region sees them."""

    seen = serializers.IntegerField(help_text="How many had an outcome in the last hour that is rolled up.")
    failing = serializers.IntegerField(help_text="How many fail now, by what counts of what was found there.")
    lapsed = serializers.IntegerField(
        help_text="How many failed when last checked, which counts no more: too long ago, or the region has no vote."
    )
    is_complete = serializers.BooleanField(
        help_text="False where too much fails from there to be looked through: so many of these at least."
    )
    looked_at = serializers.IntegerField(
        help_text=(
            f"How many are checked from there, of the first {MOST_LOOKED_AT:,} at most by their ids that are not "
            "paused: only at these it is looked for whether what was found is fresh. 0 while the region has no vote."
        )
    )
    fresh = serializers.IntegerField(
        help_text="Of how many of these it is. With 0, `failing` of 0 says nothing: the region does not tell."
    )


class SeenSerializer(SumsSerializer):
    """What one region sees."""

    region = serializers.CharField(help_text="The region's slug.")
    condition = serializers.ChoiceField(choices=[(item.value, item.value) for item in RegionCondition])
    state = StateSerializer(
        allow_null=True, help_text="Of a resource, as last seen from there; null before that, and of many resources."
    )
    phases = PhasesSerializer(many=True, help_text="The exchanges of the last check; none of many resources.")
    many = declared(ManySerializer(allow_null=True, help_text="Of a registry or a group; null for a resource."))
    last_failure = FailureSerializer(allow_null=True, help_text="Null where none is known of the range.")

    def get_fields(self) -> dict[str, Any]:
        """Put who sees it before what is seen."""
        fields = super().get_fields()
        return {name: fields[name] for name in ("region", "condition")} | fields


class ViewSerializer(ShownRow):
    value = serializers.CharField()
    regions = serializers.ListField(child=serializers.CharField())


class DisagreementSerializer(ShownRow):
    """Something that is not the same from everywhere; who cannot tell has no part in it."""

    fact = serializers.CharField(
        help_text="`status`, `reason`, `host`, `digest`, `stance` of a resource; of many `failing`, their number."
    )
    views = ViewSerializer(many=True, help_text="Who sees what; what most see comes first.")


class SplitSerializer(ShownRow):
    """A resource that fails from some of the regions that vote (`active`, `late`), as lately found, and not all."""

    resource = serializers.IntegerField(source="resource_id", help_text="The resource's id.")
    failing = serializers.ListField(child=serializers.CharField(), help_text="From where it fails now.")
    good = serializers.ListField(child=serializers.CharField(), help_text="From where it is good now.")


class SubjectSerializer(ShownRow):
    kind = serializers.ChoiceField(choices=KINDS)
    id = serializers.IntegerField()
    name = serializers.CharField(help_text="The resource's name or reference, the registry's host, the group's name.")


class ComparisonSerializer(ShownRow):
    """What regions see of the same thing, side by side."""

    subject = SubjectSerializer()
    since = InstantField(help_text="From the full hour on.")
    until = InstantField(help_text="To the end of an hour, or to now; of many, to the last hour that is rolled up.")
    overall = SumsSerializer(help_text="By the verdicts over all regions: no outcomes, and nothing is timed.")
    regions = SeenSerializer(many=True, help_text="In the order of their slugs.")
    disagreements = DisagreementSerializer(
        many=True,
        help_text=(
            "Where regions that vote differ now, by what they lately found. Of many, as many may fail from each and "
            "yet others: see `split`."
        ),
    )
    split = SplitSerializer(
        many=True, help_text=f"Of many, the newest {MOST_SPLIT} that fail from one region and not from another."
    )
    split_count = serializers.IntegerField(help_text="How many these are in all, of those that were looked through.")


def shown(subject: dict[str, Any], found: Comparison) -> dict[str, Any]:
    """Return a comparison as it is shown."""
    document = {
        "subject": subject,
        "since": found.over.start,
        "until": found.over.end,
        "overall": sums_shown(found.overall),
        "regions": [_seen(item) for item in found.regions],
        "disagreements": found.disagreements,
        "split": found.split,
        "split_count": found.split_count,
    }
    return dict(ComparisonSerializer(document).data)


def sums_shown(rolled: Rolled) -> dict[str, Any]:
    """Return sums as they are shown."""
    return {
        **figure(rolled.seconds),
        "outcomes": {status.value: count for status, count in rolled.outcomes.items()},
        "without_egress": rolled.without_egress,
        "latency": [
            {
                "step": timed.name.lower(),
                "count": histogram.total,
                **{f"p{percent}_ms": histogram.percentile_ms(percent) for percent in PERCENTILES},
            }
            for timed, histogram in sorted(rolled.latency.items())
        ],
    }


def _seen(item: Seen) -> dict[str, Any]:
    return {
        "region": item.region.slug,
        "condition": item.region.condition,
        "state": item.state,
        "phases": item.state.document.get("steps", []) if item.state else [],
        "many": item.many,
        "last_failure": item.failure,
        **sums_shown(item.rolled),
    }
