"""What may be declared: each kind with its fields, by the names of the REST API's bodies.

The attributes are those of the rows. No test holds them against the models or the API yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from probes.policy.declared.fields import Field, Shape, Value
from probes.policy.depth import BLOBS_CADENCE, MANIFEST_CADENCE
from probes.policy.quota import SHARE_PERCENT
from probes.policy.terms import Severity
from probes.protocol.endpoint.plan import AUTHORIZATION, OLDEST_TLS
from probes.protocol.endpoint.statuses import ANY_SUCCESS
from probes.protocol.plan import DEFAULT_PLATFORM


class Kind(StrEnum):
    """The kinds, in the order in which they are stored: whatever is named comes before what names it."""

    SCHEDULE = "Schedule"
    POLICY = "Policy"
    GROUP = "Group"
    REGISTRY = "Registry"
    IMAGE = "Image"
    ENDPOINT = "Endpoint"


SOURCE: Final = "Source"
NAME: Final = "name"
LABELS: Final = "labels"
"""Stands in `metadata`, all others in `spec`."""
WITHHELD: Final = "withheld"
"""In `metadata`: the fields that an export did not show, by their paths."""

_MOST_SECONDS: Final = 2**31 - 1


@dataclass(frozen=True)
class KindOf:
    """The fields of a kind. `is_named` says that a `name` that is left out is the stable name."""

    kind: Kind
    fields: tuple[Field, ...]
    is_named: bool = False

    @cached_property
    def by_path(self) -> Mapping[str, Field]:
        return {field.path: field for field in self.fields}

    @cached_property
    def objects(self) -> frozenset[str]:
        """The paths at which an object with fields of its own stands."""
        parts = [field.path.split(".") for field in self.fields]
        return frozenset(".".join(part[:depth]) for part in parts for depth in range(1, len(part)))

    @cached_property
    def defaults(self) -> Mapping[str, Value]:
        return {field.path: field.default for field in self.fields}

    @property
    def has_labels(self) -> bool:
        return LABELS in self.by_path


def _number(path: str, attribute: str, most: int = 100, *, least: int = 1) -> Field:
    return Field(
        path=path,
        attribute=attribute,
        shape=Shape.INTEGER,
        default=None,
        may_be_null=True,
        least=least,
        most=most,
    )


def _reference(path: str, refers: str) -> Field:
    return Field(path=path, attribute=path, default=None, may_be_null=True, refers=refers)


def _flag(path: str, *, default: bool = False) -> Field:
    return Field(path=path, attribute=path.rpartition(".")[2], shape=Shape.BOOLEAN, default=default)


def _texts(path: str, default: tuple[str, ...] = ()) -> Field:
    return Field(path=path, attribute=path, shape=Shape.TEXTS, default=default)


def _text(path: str, default: str = "", **options: bool) -> Field:
    return Field(path=path, attribute=path.rpartition(".")[2], default=default, **options)  # type: ignore[arg-type]  # switches of a field


def _seconds(path: str, default: int) -> Field:
    return Field(path=path, attribute=path, shape=Shape.INTEGER, default=default, least=1, most=_MOST_SECONDS)


_TERMS: Final = (
    _number("terms.quorum.votes", "quorum_votes"),
    _number("terms.quorum.percent", "quorum_percent"),
    _number("terms.minimum_votes", "minimum_votes"),
    _number("terms.failures", "failures"),
    _number("terms.recoveries", "recoveries"),
    _number("terms.fresh_intervals", "fresh_intervals"),
    Field(
        path="terms.severity",
        attribute="severity",
        default=None,
        may_be_null=True,
        choices=tuple(item.value for item in Severity),
    ),
    _number("terms.degraded_after_seconds", "degraded_after_seconds", _MOST_SECONDS, least=0),
    Field(
        path="terms.uptime_target_percent",
        attribute="uptime_target_percent",
        shape=Shape.NUMBER,
        default=None,
        may_be_null=True,
        least=0,
        most=100,
    ),
)
_NAMED: Final = Field(path=NAME, attribute=NAME, help="For people; the stable name where it is left out.")
_CHECKED: Final = (
    Field(path=LABELS, attribute=LABELS, shape=Shape.TEXT_BY_NAME, default=()),
    _text("name"),
    _seconds("interval_seconds", 300),
    _reference("schedule", Kind.SCHEDULE),
    _reference("group", Kind.GROUP),
    _reference("policy", Kind.POLICY),
    _reference("credential", "Credential"),
    Field(path="regions", attribute="regions", shape=Shape.NAMES, default=(), refers="Region"),
)
KINDS: Final[Mapping[str, KindOf]] = {
    item.kind: item
    for item in (
        KindOf(
            Kind.SCHEDULE,
            (
                _NAMED,
                _number("interval_seconds", "interval_seconds", _MOST_SECONDS),
                _text("crontab"),
                _text("zone", "UTC"),
            ),
            is_named=True,
        ),
        KindOf(Kind.POLICY, (_NAMED, _text("notes"), *_TERMS), is_named=True),
        KindOf(Kind.GROUP, (_NAMED, _text("notes"), _reference("policy", Kind.POLICY), *_TERMS), is_named=True),
        KindOf(
            Kind.REGISTRY,
            (
                _text("name"),
                _text("api_host"),
                _text("ca_pem"),
                _texts("allow_cidrs"),
                _texts("allow_hosts"),
                Field(path="resolve", attribute="resolve", shape=Shape.TEXTS_BY_NAME, default=()),
                _texts("trusted_auth_hosts"),
                _flag("plain_http"),
                Field(
                    path="quota_share_percent",
                    attribute="quota_share_percent",
                    shape=Shape.INTEGER,
                    default=SHARE_PERCENT,
                    least=1,
                    most=100,
                ),
                _number("quota_limit", "quota_limit", _MOST_SECONDS),
                _number("quota_window_seconds", "quota_window_seconds", _MOST_SECONDS),
                _text("quota_counts"),
                _text("notes"),
            ),
        ),
        KindOf(
            Kind.IMAGE,
            (
                Field(path="reference", attribute="reference", is_required=True),
                *_CHECKED,
                _texts("platforms", (DEFAULT_PLATFORM,)),
                _flag("strict_platform"),
                Field(path="depth", attribute="depth", default=None, may_be_null=True),
                _seconds("manifest_cadence_seconds", int(MANIFEST_CADENCE.total_seconds())),
                _seconds("blobs_cadence_seconds", int(BLOBS_CADENCE.total_seconds())),
                _flag("sample_blobs"),
                _flag("check_tag"),
                _flag("is_tag_immutable"),
                *_TERMS,
            ),
        ),
        KindOf(
            Kind.ENDPOINT,
            (
                Field(path="reference", attribute="reference", is_required=True, is_address=True, help="Its URL."),
                *_CHECKED,
                _text("endpoint.method", "GET"),
                Field(
                    path="endpoint.headers",
                    attribute="headers",
                    shape=Shape.TEXT_BY_NAME,
                    default=(),
                    is_hidden=True,
                ),
                _text("endpoint.body", is_hidden=True),
                _flag("endpoint.follow_redirects", default=True),
                _text("endpoint.login_header", AUTHORIZATION),
                _text("endpoint.tls_minimum", OLDEST_TLS),
                _text("endpoint.statuses", ANY_SUCCESS),
                _text("endpoint.contains"),
                _text("endpoint.matches"),
                _text("endpoint.json_path"),
                _text("endpoint.json_equals"),
                Field(
                    path="endpoint.latency_ms",
                    attribute="latency_ms",
                    shape=Shape.INTEGER,
                    default=0,
                    least=0,
                    most=_MOST_SECONDS,
                ),
                Field(
                    path="endpoint.certificate_days",
                    attribute="certificate_days",
                    shape=Shape.INTEGER,
                    default=0,
                    least=0,
                    most=_MOST_SECONDS,
                ),
                *_TERMS,
            ),
        ),
    )
}
"""Every kind but the source, by its word."""

CHECKED: Final = frozenset({Kind.IMAGE, Kind.ENDPOINT})
"""What is retired and not deleted."""
