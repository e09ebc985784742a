"""What is asked of an HTTP endpoint, and expected of its answer."""

from typing import Any, ClassVar, Self, cast, get_args

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from probes.models.audited import audited
from probes.models.checked import Checked
from probes.models.resource import Resource
from probes.protocol.endpoint import EndpointPlan, Expectation, problems
from probes.protocol.endpoint.plan import AUTHORIZATION, OLDEST_TLS, TlsMinimum
from probes.protocol.endpoint.statuses import ANY_SUCCESS
from probes.protocol.exchange import Method

_METHODS = [(method, method) for method in get_args(Method)]
_TLS = [(version, version) for version in get_args(TlsMinimum)]


@audited(
    part_of="resource",
    part="endpoint.",
    told=(
        "method",
        "follow_redirects",
        "login_header",
        "tls_minimum",
        "statuses",
        "contains",
        "matches",
        "json_path",
        "json_equals",
        "latency_ms",
        "certificate_days",
    ),
    masked=("headers", "body"),
)
class Endpoint(Checked):
    """The detail of a resource that is an endpoint; its URL is the resource's `reference`.

    A row has no states: it is made and changed with its resource, by `actions.resources.save`. Headers and body are
    stored in clear; a login is the resource's credential.
    """

    resource = models.OneToOneField(Resource, on_delete=models.CASCADE, primary_key=True, related_name="endpoint")
    method = models.CharField(max_length=7, choices=_METHODS, default="GET")
    headers = models.JSONField(
        default=dict,
        blank=True,
        help_text="Sent to the URL's own host and port only, and stored in clear: no secrets.",
    )
    body = models.TextField(blank=True, help_text="Of a POST, PUT, PATCH or DELETE. Stored in clear: no secrets.")
    follow_redirects = models.BooleanField(
        default=True, help_text="Up to five, by HTTPS. Else a redirect is the answer."
    )
    login_header = models.CharField(
        max_length=100,
        default=AUTHORIZATION,
        help_text="Where the credential goes. Authorization has it as Basic or Bearer, any other header as it is.",
    )
    tls_minimum = models.CharField("oldest TLS", max_length=3, choices=_TLS, default=OLDEST_TLS)
    statuses = models.CharField(max_length=200, default=ANY_SUCCESS, help_text="As in 200-299, 401.")
    contains = models.CharField(max_length=1000, blank=True, help_text="A text that is to be in the body.")
    matches = models.CharField(
        max_length=500,
        blank=True,
        help_text="A pattern of RE2 that is to be found in the body. (?i) for either case.",
    )
    json_path = models.CharField(
        "JSON path",
        max_length=500,
        blank=True,
        help_text='Leads to a value that is to be there: $.status, $.checks[*].up, $.checks[?@.name == "db"].up.',
    )
    json_equals = models.CharField(
        "JSON equals",
        max_length=1000,
        blank=True,
        help_text='What every value there is to be, in JSON: "ok" in its quotation marks, 3, true.',
    )
    latency_ms = models.PositiveIntegerField(
        "latency in ms",
        default=0,
        help_text="Degraded if the answer takes longer, with its redirects. 0 is no limit.",
    )
    certificate_days = models.PositiveIntegerField(
        default=0, help_text="Degraded if a certificate on the way is good for fewer days. 0 is no matter."
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(method__in=get_args(Method)), name="endpoint_method_is_known"),
            models.CheckConstraint(condition=Q(tls_minimum__in=get_args(TlsMinimum)), name="endpoint_tls_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.resource_id}"

    @classmethod
    def of(cls, resource: Resource) -> Self:
        """Return the row that was read with `resource`, or what an endpoint is without one."""
        return getattr(resource, "endpoint", None) or cls(resource=resource)

    def plan(self, **fields: Any) -> EndpointPlan:
        """Return the plan of a check; `fields` are those that are not the endpoint's own."""
        return EndpointPlan(
            url=self.resource.reference,
            method=cast("Method", self.method),
            headers=tuple(self.headers.items()),
            body=self.body,
            follow_redirects=self.follow_redirects,
            expect=Expectation(
                statuses=self.statuses,
                contains=self.contains,
                matches=self.matches,
                json_path=self.json_path,
                json_equals=self.json_equals,
                latency_ms=self.latency_ms,
                certificate_days=self.certificate_days,
            ),
            tls_minimum=cast("TlsMinimum", self.tls_minimum),
            login_header=self.login_header,
            **fields,
        )

    def clean(self) -> None:
        """Hold the fields against each other and against the URL. Raises `ValidationError` by field."""
        headers = self.headers
        if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
            raise ValidationError({"headers": "Write an object of texts."})
        # Of a bad URL its resource tells, of a bad choice the field itself.
        found = {name: sentence for name, sentence in problems(self.plan()).items() if name != "url"}
        if found:
            raise ValidationError(dict(found))
