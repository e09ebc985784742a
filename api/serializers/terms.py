"""The terms on which resources are judged."""

from typing import Any, Final

from rest_framework import serializers

from probes.policy.terms import Layer, Origin, Severity, Terms
from probes.selectors.terms import InForce

_NAMES: Final = {"degraded_after": "degraded_after_seconds"}
"""Where a field has another name here than in `policy.terms`."""


class QuorumSerializer(serializers.Serializer[Any]):
    """So many votes, or such a share of them; the other is null."""

    votes = serializers.IntegerField(allow_null=True)
    percent = serializers.IntegerField(allow_null=True)


class TermsSerializer(serializers.Serializer[Any]):
    """What a verdict and its incident are subject to."""

    quorum = QuorumSerializer(help_text="How many bad votes make an outage.")
    minimum_votes = serializers.IntegerField(help_text="With fewer fresh votes nothing is said.")
    failures = serializers.IntegerField(help_text="So many in a row turn a region bad.")
    recoveries = serializers.IntegerField(help_text="So many good checks in a row turn it good again.")
    fresh_intervals = serializers.IntegerField(help_text="A vote is fresh for so many intervals.")
    severity = serializers.ChoiceField(choices=[(item.value, item.value) for item in Severity])
    degraded_after_seconds = serializers.IntegerField(
        help_text="How long `degraded` stands before it is an incident."
    )
    uptime_target_percent = serializers.FloatField(allow_null=True, help_text="Null where nothing is promised.")


class LayerSerializer(TermsSerializer):
    """What is said differently here; null is inherited."""

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for field in fields.values():
            field.allow_null = True
        return fields


class OriginsField(serializers.DictField):
    """Who has settled each of the terms, by their names."""

    child = serializers.ChoiceField(choices=[(item.value, item.value) for item in Origin])


def said(terms: Terms | Layer) -> dict[str, Any]:
    """Return terms as they are shown."""
    quorum, delay = terms.quorum, terms.degraded_after
    return {
        "quorum": quorum and {"votes": quorum.votes, "percent": quorum.percent},
        "minimum_votes": terms.minimum_votes,
        "failures": terms.failures,
        "recoveries": terms.recoveries,
        "fresh_intervals": terms.fresh_intervals,
        "severity": terms.severity,
        "degraded_after_seconds": None if delay is None else int(delay.total_seconds()),
        "uptime_target_percent": terms.uptime_target_percent,
    }


def origins(found: InForce) -> dict[str, str]:
    return {_NAMES.get(name, name): origin.value for name, origin in found.origins.items()}
