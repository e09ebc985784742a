"""The terms on which resources are judged."""

from decimal import Decimal
from typing import Any, Final

from rest_framework import serializers

from api.showing import ShownRow
from api.strict import StrictBody
from probes.models.terms import (
    HIGHEST_TARGET_PERCENT,
    LEAST_TARGET_PERCENT,
    LONGEST_DELAY_SECONDS,
    MOST,
    TERM_FIELDS,
    TermFields,
)
from probes.policy.terms import Layer, Origin, Severity, Terms
from probes.selectors.terms import InForce

_NAMES: Final = {"degraded_after": "degraded_after_seconds"}
"""Where a field has another name here than in `policy.terms`."""


def nothing_of_its_own() -> dict[str, Any]:
    """Return the values of terms that are all inherited: what is left out of a whole."""
    return {**dict.fromkeys(TERM_FIELDS), "severity": ""}


def _no_quorum() -> dict[str, Any]:
    return {"quorum_votes": None, "quorum_percent": None}


class QuorumSerializer(ShownRow):
    """So many votes, or such a share of them; the other is null."""

    votes = serializers.IntegerField(allow_null=True)
    percent = serializers.IntegerField(allow_null=True)


class TermsSerializer(ShownRow):
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


def _help(name: str) -> str:
    return str(TermsSerializer().fields[name].help_text or "")


def _number(name: str) -> serializers.IntegerField:
    return serializers.IntegerField(allow_null=True, default=None, min_value=1, max_value=MOST, help_text=_help(name))


class LayerSerializer(TermsSerializer):
    """What is said differently here; null is inherited."""

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for field in fields.values():
            field.allow_null = True
        return fields


class QuorumBody(StrictBody):
    """So many votes, or such a share of them; null is inherited."""

    votes = serializers.IntegerField(
        source="quorum_votes", allow_null=True, default=None, min_value=1, max_value=MOST
    )
    percent = serializers.IntegerField(
        source="quorum_percent", allow_null=True, default=None, min_value=1, max_value=MOST
    )

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return _no_quorum() if data is None else super().run_validation(data)

    def to_representation(self, row: TermFields) -> Any:
        has_one = row.quorum_votes is not None or row.quorum_percent is not None
        return super().to_representation(row) if has_one else None


class _SeverityField(serializers.ChoiceField):
    def to_representation(self, value: str) -> str | None:  # type: ignore[override]  # null in JSON
        return value or None


class _PercentField(serializers.DecimalField):
    def to_representation(self, value: Decimal) -> float:  # type: ignore[override]  # a JSON number
        return float(value)


class OwnTermsSerializer(StrictBody):
    """What is said differently here; null is inherited.

    It is read from a row that has `TermFields`, and what it was given are values of those: with `source="*"` they
    come among the values of the serializer that it is in. Its default is `nothing_of_its_own`.
    """

    quorum = QuorumBody(source="*", allow_null=True, default=_no_quorum, help_text=_help("quorum"))
    minimum_votes = _number("minimum_votes")
    failures = _number("failures")
    recoveries = _number("recoveries")
    fresh_intervals = _number("fresh_intervals")
    severity = _SeverityField(choices=[(item.value, item.value) for item in Severity], allow_null=True, default=None)
    degraded_after_seconds = serializers.IntegerField(
        allow_null=True,
        default=None,
        min_value=0,
        max_value=LONGEST_DELAY_SECONDS,
        help_text=_help("degraded_after_seconds"),
    )
    uptime_target_percent = _PercentField(
        max_digits=6,
        decimal_places=4,
        min_value=LEAST_TARGET_PERCENT,
        max_value=HIGHEST_TARGET_PERCENT,
        allow_null=True,
        default=None,
        coerce_to_string=False,
        help_text=_help("uptime_target_percent"),
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Write what is inherited as the columns have it."""
        return {**attrs, "severity": attrs["severity"] or ""} if "severity" in attrs else attrs


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
