"""A dry run of terms on the past: what is asked, and what it comes to."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from api.fields import InstantField, NamedRowField, ResourceField
from api.ranges import ends_of
from api.serializers.terms import OwnTermsSerializer, TermsSerializer, said
from api.strict import StrictBody
from probes.models import Policy, Registry, ResourceGroup
from probes.policy.incidents import Cause, Level
from probes.policy.intervals import Interval
from probes.policy.replay import Balance, Outage
from probes.policy.terms import Layer
from probes.selectors.replays import MOST_OUTCOMES, MOST_RESOURCES, DryRun

LONGEST: Final = timedelta(days=7)
USUAL_LENGTH: Final = timedelta(days=1)
MOST_SHOWN: Final = 50
SUBJECTS: Final = ("resource", "group", "registry")


class DryRunBody(StrictBody):
    """Which terms, on whose past. The context has `now`, and the request."""

    policy = NamedRowField[Policy](
        slug_field="slug",
        queryset=Policy.objects.all(),
        required=False,
        help_text="A policy's stable name: as if each resource took it.",
    )
    terms = OwnTermsSerializer(
        required=False, help_text="Or what a policy would say. With neither, the terms that are in force."
    )
    resource = ResourceField(required=False, help_text="A resource's id or stable name.")
    group = NamedRowField[ResourceGroup](
        slug_field="slug", queryset=ResourceGroup.objects.all(), required=False, help_text="Or a group's stable name."
    )
    registry = NamedRowField[Registry](
        slug_field="host", queryset=Registry.objects.all(), required=False, help_text="Or a registry's host."
    )
    since = InstantField(required=False, help_text="A day before `until` unless given.")
    until = InstantField(
        required=False, help_text=f"Now unless given; {LONGEST.days} days after `since` at the latest."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = [name for name in SUBJECTS if name in attrs]
        if len(named) != 1:
            message = "Name one of resource, group and registry."
            raise ValidationError({name: [message] for name in named or ("resource",)})
        if {"policy", "terms"} <= attrs.keys():
            raise ValidationError({"terms": ["Name a policy or write terms, not both."]})
        return {**attrs, "over": self._over(attrs), "layer": _layer(attrs)}

    def _over(self, attrs: dict[str, Any]) -> Interval:
        kept = timedelta(days=settings.KAIROS_RETENTION_DAYS)
        too_old = f"Each outcome is kept for {kept.days} days."
        over = ends_of(attrs, now=self.context["now"], usual=USUAL_LENGTH, kept=kept, too_old=too_old)
        if over.end - over.start > LONGEST:
            raise ValidationError({"since": [f"A dry run is of {LONGEST.days} days at most."]})
        return over


def _layer(attrs: dict[str, Any]) -> Layer | None:
    if "policy" in attrs:
        policy: Policy = attrs["policy"]
        return policy.layer
    if "terms" not in attrs:
        return None
    values = attrs["terms"]
    if values["quorum_votes"] and values["quorum_percent"]:
        raise ValidationError({"terms": {"quorum": ["A number of regions or a share of them, not both."]}})
    return Policy(**values).layer


class OutageSerializer(serializers.Serializer[Any]):
    worst = serializers.ChoiceField(choices=[(item.value, item.value) for item in Level])
    began_at = InstantField()
    opened_at = InstantField()
    resolved_at = InstantField(allow_null=True, help_text="Null while it is open at the end of the range.")
    cause = serializers.ChoiceField(
        choices=[(item.value, item.value) for item in Cause], allow_null=True, help_text="Why it is over."
    )


class BalanceSerializer(serializers.Serializer[Any]):
    """Incidents that are open at some time of the range."""

    incidents = serializers.IntegerField(source="count")
    seconds = serializers.IntegerField(help_text="How many seconds of the range lie in one.")


class OutagesSerializer(BalanceSerializer):
    list = OutageSerializer(many=True, help_text=f"The first {MOST_SHOWN} of them, in the order they opened.")


class ReplayedSerializer(serializers.Serializer[Any]):
    """One resource."""

    resource = serializers.IntegerField(help_text="Its id.")
    slug = serializers.CharField(help_text="Its stable name.")
    terms = TermsSerializer(help_text="On which it was looked at again: what it says itself is over the policy.")
    would_be = OutagesSerializer(help_text="What there would have been on these terms.")
    was = OutagesSerializer(help_text="What there was.")


class DryRunSerializer(serializers.Serializer[Any]):
    """Incidents that there would have been on other terms, beside those that there were."""

    since = InstantField()
    until = InstantField()
    is_complete = serializers.BooleanField(
        help_text=f"False where more belongs to it than is looked at: {MOST_RESOURCES} resources and "
        f"{MOST_OUTCOMES} outcomes, in the order the resources were made."
    )
    outcomes = serializers.IntegerField(help_text="How many were taken in again.")
    would_be = BalanceSerializer(help_text="Of all these resources.")
    was = BalanceSerializer()
    resources = ReplayedSerializer(many=True)


def shown(found: DryRun) -> dict[str, Any]:
    """Return a dry run as it is shown."""
    document = {
        "since": found.over.start,
        "until": found.over.end,
        "is_complete": found.is_complete,
        "outcomes": found.outcomes,
        "would_be": found.would_come_to,
        "was": found.came_to,
        "resources": [
            {
                "resource": item.resource.pk,
                "slug": item.resource.slug,
                "terms": said(item.terms),
                "would_be": _outages(item.would_be, item.would_come_to),
                "was": _outages(item.was, item.came_to),
            }
            for item in found.replayed
        ],
    }
    return dict(DryRunSerializer(document).data)


def _outages(outages: Sequence[Outage], total: Balance) -> dict[str, Any]:
    return {"count": total.count, "seconds": total.seconds, "list": outages[:MOST_SHOWN]}
