"""What is asked of an endpoint that is checked, and what its answer has to be."""

from typing import Any, Final, get_args

from rest_framework import serializers

from api.strict import StrictBody
from probes.models import Endpoint, Resource
from probes.protocol.endpoint.plan import AUTHORIZATION, OLDEST_TLS, TlsMinimum
from probes.protocol.endpoint.statuses import ANY_SUCCESS
from probes.protocol.exchange import Method

_LONGEST_HEADER: Final = 8_192
_LONGEST_BODY: Final = 65_536

HIDDEN: Final = ("headers", "body")
"""Set and not shown: where they are left out they stay."""


def usual_request() -> dict[str, Any]:
    """Return the values of a plain GET that is to succeed: what is left out of a whole."""
    return {name: field.default for name, field in EndpointSerializer().fields.items() if name in SETTABLE}


def _text(longest: int) -> Any:
    # A text that is looked for may begin or end with a space.
    return serializers.CharField(max_length=longest, allow_blank=True, default="", trim_whitespace=False)


class EndpointSerializer(StrictBody):
    """The request, and what is expected of its answer.

    Values of headers and the body may be secret: they are set, and not shown.
    """

    method = serializers.ChoiceField(choices=[(name, name) for name in get_args(Method)], default="GET")
    headers = serializers.DictField(
        child=serializers.CharField(max_length=_LONGEST_HEADER, allow_blank=True),
        write_only=True,
        required=False,
        help_text="Sent to the URL's own host and port only. Stored in clear, not shown again; left out they stay.",
    )
    header_names = serializers.SerializerMethodField(help_text="The values are not shown.")
    body = serializers.CharField(
        max_length=_LONGEST_BODY,
        write_only=True,
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="Of a POST, PUT, PATCH or DELETE. Stored in clear, and not shown again; left out it stays.",
    )
    has_body = serializers.SerializerMethodField()
    follow_redirects = serializers.BooleanField(default=True, help_text="Up to five, by HTTPS.")
    login_header = serializers.CharField(
        max_length=100, default=AUTHORIZATION, help_text="Where the credential goes, if there is one."
    )
    tls_minimum = serializers.ChoiceField(choices=[(name, name) for name in get_args(TlsMinimum)], default=OLDEST_TLS)
    statuses = serializers.CharField(max_length=200, default=ANY_SUCCESS, help_text="As in `200-299, 401`.")
    contains = _text(1000)
    matches = _text(500)
    json_path = _text(500)
    json_equals = _text(1000)
    latency_ms = serializers.IntegerField(min_value=0, default=0, help_text="0 is no limit.")
    certificate_days = serializers.IntegerField(min_value=0, default=0, help_text="0 is no matter.")

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return usual_request() if data is None else super().run_validation(data)

    def to_representation(self, resource: Resource) -> Any:
        return super().to_representation(Endpoint.of(resource)) if resource.is_endpoint else None

    def get_header_names(self, endpoint: Endpoint) -> list[str]:
        return sorted(endpoint.headers)

    def get_has_body(self, endpoint: Endpoint) -> bool:
        return bool(endpoint.body)


SETTABLE: Final = frozenset(
    name for name, field in EndpointSerializer().fields.items() if not field.read_only and name not in HIDDEN
)
DETAIL: Final = SETTABLE | set(HIDDEN)
"""The names of the columns that a body may set."""
