"""The outcome document of the probe command's contract, field by field.

The shape is `probes.protocol.outcome.Outcome.to_json`; a test holds the two together. Every field is there in
every outcome. What is null where only the summary of an outcome was kept says so.
"""

from typing import Final

from rest_framework import serializers

from api.declaring import declared
from api.fields import InstantField
from api.showing import ShownRow
from probes.protocol.taxonomy import Confidence, Depth, Reason, Stage, Status, Warn

KINDS: Final = [("image", "image"), ("http", "http")]
_NOT_KEPT: Final = "Null where only the summary was kept."


class PlatformSerializer(ShownRow):
    """What was found for one wanted platform."""

    platform = serializers.CharField()
    digest = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=[(item.value, item.value) for item in Status])
    reason = serializers.ChoiceField(choices=[(item.value, item.value) for item in Reason])


class RateLimitSerializer(ShownRow):
    """What the registry tells about its quota; a field it does not tell is null."""

    limit = serializers.IntegerField(allow_null=True)
    remaining = serializers.IntegerField(allow_null=True)
    window_seconds = serializers.IntegerField(allow_null=True)
    source = declared(serializers.CharField(allow_null=True))


class CertificateSerializer(ShownRow):
    """The certificate that a host presented."""

    host = serializers.CharField()
    not_after = InstantField()
    issuer = serializers.CharField()


class StepSerializer(ShownRow):
    """One HTTP exchange of a check. A duration is null where that phase did not happen."""

    stage = serializers.ChoiceField(choices=[(item.value, item.value) for item in Stage])
    method = serializers.CharField()
    url = serializers.CharField(help_text="Without anything secret: signed query values are left out.")
    host = serializers.CharField()
    address = serializers.CharField(
        allow_null=True, help_text="The address that was dialled; null where a proxy resolved the name."
    )
    http_status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    connection = serializers.ChoiceField(choices=["new", "reused"], allow_null=True)
    dns_ms = serializers.FloatField(allow_null=True)
    connect_ms = serializers.FloatField(allow_null=True)
    tls_ms = serializers.FloatField(allow_null=True)
    first_byte_ms = serializers.FloatField(allow_null=True)
    total_ms = serializers.FloatField()
    bytes = serializers.IntegerField()
    request_id = serializers.CharField(
        allow_null=True,
        required=False,
        help_text="By which the host's operator finds the request, where its answer named one. Not of older workers.",
    )


class DocumentSerializer(ShownRow):
    """What one check found."""

    version = serializers.IntegerField(help_text="Of this document's shape.")
    reference = serializers.CharField(
        allow_null=True,
        help_text="As given. Null where only the summary was kept and the resource has another image since.",
    )
    canonical = serializers.CharField(
        allow_null=True, help_text="`host/repository[:tag][@digest]`; null as `reference` is."
    )
    kind = serializers.ChoiceField(choices=KINDS)
    status = serializers.ChoiceField(
        choices=[(item.value, item.value) for item in Status], help_text="Chosen by who has to act."
    )
    reason = serializers.ChoiceField(
        choices=[(item.value, item.value) for item in Reason], help_text="`ok` when available."
    )
    stage = serializers.ChoiceField(
        choices=[(item.value, item.value) for item in Stage],
        allow_null=True,
        help_text="Where it ended; null when available.",
    )
    host = serializers.CharField(allow_null=True, help_text="The host that failed; null when available.")
    confidence = serializers.ChoiceField(choices=[(item.value, item.value) for item in Confidence])
    depth = serializers.ChoiceField(
        choices=[(item.value, item.value) for item in Depth],
        allow_null=True,
        help_text="The depth that was reached and proven.",
    )
    digest = serializers.CharField(allow_null=True, help_text="Of the tag, if it was seen.")
    platforms = PlatformSerializer(many=True, allow_null=True, help_text=_NOT_KEPT)
    warnings = serializers.ListField(
        child=serializers.ChoiceField(choices=[(item.value, item.value) for item in Warn]),
        allow_null=True,
        help_text=_NOT_KEPT,
    )
    notices = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text=f"What the registry says by `Warning` headers: cleaned, still foreign. {_NOT_KEPT}",
    )
    hint = serializers.CharField(allow_null=True, help_text=f"A sentence for the operator. {_NOT_KEPT}")
    detail = serializers.CharField(
        allow_null=True, help_text=f"A short text from the registry: cleaned, still foreign. {_NOT_KEPT}"
    )
    retry_at = InstantField(allow_null=True, help_text="When throttled: the earliest next try.")
    started_at = InstantField(help_text="By the region's clock.")
    duration_ms = serializers.FloatField(help_text="In whole milliseconds where only the summary was kept.")
    attempts = serializers.IntegerField(allow_null=True, help_text=_NOT_KEPT)
    requests = serializers.IntegerField(allow_null=True, help_text=_NOT_KEPT)
    bytes_read = serializers.IntegerField(allow_null=True, help_text=_NOT_KEPT)
    auth_path = serializers.ChoiceField(
        choices=["none", "cached", "fresh"], allow_null=True, help_text=f"Where the token came from. {_NOT_KEPT}"
    )
    connection = serializers.ChoiceField(choices=["new", "reused"], allow_null=True)
    proxy = serializers.CharField(
        allow_null=True,
        help_text="The region's proxy, as `host:port`: it resolved the names, so steps have no address.",
    )
    rate_limit = RateLimitSerializer(allow_null=True)
    certificates = CertificateSerializer(many=True, allow_null=True, help_text=_NOT_KEPT)
    steps = StepSerializer(many=True, allow_null=True, help_text=f"In order. {_NOT_KEPT}")
