"""How registries are reached."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import InstantField
from api.strict import StrictBody
from probes.models import Registry, validation
from probes.models.client_identity import LONGEST_CHAIN, ClientCertificate
from probes.policy.quota import SHARE_PERCENT
from probes.policy.quota_limits import (
    LARGEST_LIMIT,
    LONGEST_WINDOW_SECONDS,
    SHORTEST_WINDOW_SECONDS,
    Counting,
)

_LONGEST_HOST: Final = 260
_LONGEST_KEY: Final = 16_384
_MOST: Final = 50


def _hosts(text: str) -> serializers.ListField:
    child = serializers.CharField(max_length=_LONGEST_HOST, validators=[validation.host])
    return serializers.ListField(child=child, max_length=_MOST, default=list, help_text=text)


class ClientIdentitySerializer(StrictBody):
    """A client certificate with its key, as they are pasted."""

    certificate = serializers.CharField(
        max_length=4 * LONGEST_CHAIN, help_text="PEM: the client's own certificate first, then its chain."
    )
    key = serializers.CharField(
        allow_blank=True,
        default="",
        max_length=_LONGEST_KEY,
        help_text="PEM, not encrypted; empty where it is beside the certificate. Kept encrypted, and never shown.",
    )


class ClientCertificateSerializer(serializers.Serializer[ClientCertificate]):
    """What may be shown of a client certificate."""

    subject = serializers.CharField(help_text="As in RFC 4514, such as CN=robot,O=Example.")
    issuer = serializers.CharField()
    not_before = InstantField()
    not_after = InstantField()
    fingerprint = serializers.CharField(help_text="SHA-256 of the certificate.")


class RegistrySerializer(StrictBody):
    """A registry's settings; likewise those of the host of an endpoint."""

    id = serializers.IntegerField(read_only=True)
    host = serializers.CharField(
        max_length=_LONGEST_HOST,
        help_text="As references name it: docker.io, ghcr.io, registry.example.com:5000. It never changes.",
    )
    name = serializers.CharField(max_length=100, allow_blank=True, default="")
    notes = serializers.CharField(max_length=10_000, allow_blank=True, default="")
    api_host = serializers.CharField(
        max_length=_LONGEST_HOST,
        allow_blank=True,
        default="",
        help_text="Asked instead of the host, for a mirror or a private name. Usually empty.",
    )
    plain_http = serializers.BooleanField(
        default=False, help_text="The registry speaks HTTP. Nothing else gets weaker."
    )
    resolve = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(max_length=45), max_length=_MOST),
        default=dict,
        help_text='Addresses to use instead of DNS: {"registry.example.com": ["10.0.0.5"]}.',
    )
    allow_cidrs = serializers.ListField(
        child=serializers.CharField(max_length=50, validators=[validation.allowed_cidr]),
        max_length=_MOST,
        default=list,
        help_text="Non-public networks that checks of this registry may dial.",
    )
    allow_hosts = _hosts(
        "Hosts, with or without a port, that checks of this registry may dial at non-public addresses."
    )
    ca_pem = serializers.CharField(
        max_length=validation.LONGEST_CA_PEM,
        allow_blank=True,
        default="",
        help_text="Certificates in PEM; trusted as well as the system's roots.",
    )
    trusted_auth_hosts = _hosts("Hosts outside the registry's own domain that may receive its credential.")
    quota_share_percent = serializers.IntegerField(
        min_value=1,
        max_value=100,
        default=SHARE_PERCENT,
        help_text="Percent of its limit, and of what is left of it, that checks may use.",
    )
    quota_limit = serializers.IntegerField(
        min_value=1,
        max_value=LARGEST_LIMIT,
        allow_null=True,
        default=None,
        help_text="Of a registry that tells none, for each login, and for each address without one.",
    )
    quota_window_seconds = serializers.IntegerField(
        min_value=SHORTEST_WINDOW_SECONDS,
        max_value=LONGEST_WINDOW_SECONDS,
        allow_null=True,
        default=None,
        help_text="Seconds within which the own limit may be used.",
    )
    quota_counts = serializers.ChoiceField(
        choices=[(item.value, item.value) for item in Counting],
        allow_blank=True,
        default="",
        help_text="What counts: each manifest that is read, or each request. Empty is automatic.",
    )
    client_identity = ClientIdentitySerializer(
        write_only=True,
        required=False,
        allow_null=True,
        help_text="Shown to this registry's own host. Left out, what is stored stays; null removes it.",
    )
    client_certificate = serializers.SerializerMethodField(
        help_text="Of the client certificate that is stored what may be shown; null if there is none."
    )
    resources = serializers.IntegerField(
        source="resource_count", read_only=True, help_text="How many are there, of those within reach."
    )
    credentials = serializers.IntegerField(source="credential_count", read_only=True, help_text="Likewise.")
    managed_by = serializers.CharField(
        source="managed_by.slug",
        default=None,
        allow_null=True,
        read_only=True,
        help_text="The source that manages it; else null.",
    )

    @extend_schema_field(ClientCertificateSerializer(allow_null=True))
    def get_client_certificate(self, registry: Registry) -> dict[str, Any] | None:
        if not registry.has_client_identity:
            return None
        return dict(ClientCertificateSerializer(ClientCertificate.of(registry.client_certificate)).data)
