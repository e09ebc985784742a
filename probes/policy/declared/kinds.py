"""What may be declared: each kind with its fields, by the names of the REST API's bodies.

The attributes are those of the rows. `tests/integration/declared/test_fields.py` holds them against the models and
the bodies of the REST API.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Final

from probes.policy.declared.fields import Field, Part, Shape, Value
from probes.policy.declared.secrets import OF_CHANNEL, OF_CREDENTIAL, PASSWORD
from probes.policy.delivery import ChannelKind
from probes.policy.depth import BLOBS_CADENCE, MANIFEST_CADENCE
from probes.policy.maintenance import LONGEST
from probes.policy.notices import ASKED_FOR
from probes.policy.publishing import Naming, Visibility
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
    REGION = "Region"
    REGISTRY = "Registry"
    CREDENTIAL = "Credential"
    CHANNEL = "Channel"
    RULE = "Rule"
    STATUS_PAGE = "StatusPage"
    STATUS_GROUP = "StatusGroup"
    IMAGE = "Image"
    ENDPOINT = "Endpoint"
    MAINTENANCE_WINDOW = "MaintenanceWindow"


CHECKED: Final = frozenset({Kind.IMAGE, Kind.ENDPOINT})
"""What is retired and not deleted."""
SOURCE: Final = "Source"
NAME: Final = "name"
LABELS: Final = "labels"
"""Of what is checked they stand in `metadata`, all else in `spec`."""
WITHHELD: Final = "withheld"
"""In `metadata`: the fields that an export did not show, by their paths."""
SECRET_FROM: Final = "secretFrom"  # noqa: S105 - the name of a field

_MOST_SECONDS: Final = 2**31 - 1
MOST_POSITION: Final = 2**15 - 1
"""Of a group on a status page."""


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

    @cached_property
    def kept(self) -> Mapping[str, Field]:
        """The fields of which what is stored stays where they are left out."""
        return {field.path: field for field in self.fields if field.is_kept}

    @property
    def has_labels(self) -> bool:
        """Tell whether there are labels in its `metadata`."""
        return self.kind in CHECKED

    @cached_property
    def secret(self) -> Field | None:
        return next((field for field in self.fields if field.is_secret), None)


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


def _many(path: str, refers: str) -> Field:
    return Field(path=path, attribute=path, shape=Shape.NAMES, default=(), refers=refers)


def _secret(parts: tuple[Part, ...], help_text: str) -> Field:
    return Field(
        path=SECRET_FROM,
        attribute="has_secret",
        shape=Shape.SECRET,
        default=(),
        parts=parts,
        is_kept=True,
        is_hidden=True,
        help=help_text,
    )


def _coordinate(path: str, most: int) -> Field:
    return Field(
        path=path,
        attribute=path,
        shape=Shape.NUMBER,
        default=None,
        may_be_null=True,
        least=-most,
        most=most,
    )


def _flag(path: str, *, default: bool = False) -> Field:
    return Field(path=path, attribute=path.rpartition(".")[2], shape=Shape.BOOLEAN, default=default)


def _texts(path: str, default: tuple[str, ...] = ()) -> Field:
    return Field(path=path, attribute=path, shape=Shape.TEXTS, default=default)


def _text(path: str, default: str = "", **options: bool) -> Field:
    return Field(path=path, attribute=path.rpartition(".")[2], default=default, **options)  # type: ignore[arg-type]  # switches of a field


def _count(path: str, default: int = 0, *, least: int = 0, most: int = _MOST_SECONDS, help_text: str = "") -> Field:
    return Field(
        path=path,
        attribute=path.rpartition(".")[2],
        shape=Shape.INTEGER,
        default=default,
        least=least,
        most=most,
        help=help_text,
    )


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
_VISIBILITY: Final = Field(
    path="visibility",
    attribute="visibility",
    default=Visibility.HIDDEN.value,
    choices=tuple(item.value for item in Visibility),
    help="To whom it is shown.",
)
_NAMED: Final = Field(path=NAME, attribute=NAME, help="For people; the stable name where it is left out.")
_CHECKED: Final = (
    Field(path=LABELS, attribute=LABELS, shape=Shape.TEXT_BY_NAME, default=()),
    _text("name"),
    _count("interval_seconds", 300, least=1),
    _reference("schedule", Kind.SCHEDULE),
    _reference("group", Kind.GROUP),
    _reference("policy", Kind.POLICY),
    _reference("credential", Kind.CREDENTIAL),
    _many("regions", Kind.REGION),
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
        KindOf(Kind.REGION, (_NAMED, _coordinate("latitude", 90), _coordinate("longitude", 180)), is_named=True),
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
                _count("quota_share_percent", SHARE_PERCENT, least=1, most=100),
                _number("quota_limit", "quota_limit", _MOST_SECONDS),
                _number("quota_window_seconds", "quota_window_seconds", _MOST_SECONDS),
                _text("quota_counts"),
                _text("notes"),
            ),
        ),
        KindOf(
            Kind.CREDENTIAL,
            (
                Field(
                    path="registry",
                    attribute="registry",
                    refers=Kind.REGISTRY,
                    is_required=True,
                    fixed="A credential stays at its registry: make a new one for another.",
                    help="Its host.",
                ),
                _text("repository_prefix"),
                _reference("region", Kind.REGION),
                _text("label"),
                Field(path="kind", attribute="kind", default=PASSWORD, choices=tuple(OF_CREDENTIAL)),
                _text("username"),
                Field(
                    path="expires_at",
                    attribute="expires_at",
                    shape=Shape.INSTANT,
                    may_be_null=True,
                    is_kept=True,
                    help="When the secret ends, if it does not say so itself.",
                ),
                _secret(
                    tuple(part for parts in OF_CREDENTIAL.values() for part in parts),
                    "Where the secret comes from, of each part that its kind has. Left out, what is stored stays.",
                ),
            ),
        ),
        KindOf(
            Kind.CHANNEL,
            (
                _NAMED,
                Field(
                    path="kind",
                    attribute="kind",
                    is_required=True,
                    choices=tuple(kind.value for kind in ChannelKind),
                    fixed="Its URL would mean something else: make a new channel.",
                ),
                _flag("is_enabled", default=True),
                _text("sender"),
                _texts("recipients"),
                _texts("allowed_cidrs"),
                _text("ca_pem"),
                _number("reminder_minutes", "reminder_minutes", _MOST_SECONDS),
                _secret(OF_CHANNEL, "Where its URL and the signing key of a webhook come from. Left out, they stay."),
            ),
            is_named=True,
        ),
        KindOf(
            Kind.RULE,
            (
                Field(path="channel", attribute="channel", refers=Kind.CHANNEL, is_required=True),
                Field(
                    path="topics",
                    attribute="topics",
                    shape=Shape.NAMES,
                    default=(),
                    choices=tuple(topic.value for topic in ASKED_FOR),
                    help="None are all.",
                ),
                Field(
                    path="severity",
                    attribute="severity",
                    default=Severity.INFO.value,
                    choices=tuple(item.value for item in Severity),
                    help="So severe at least.",
                ),
                _many("groups", Kind.GROUP),
                _many("registries", Kind.REGISTRY),
                Field(
                    path=LABELS,
                    attribute=LABELS,
                    shape=Shape.TEXT_BY_NAME,
                    default=(),
                    help="Labels that a resource has; an empty text takes any value.",
                ),
            ),
        ),
        KindOf(
            Kind.STATUS_PAGE,
            (
                Field(path="title", attribute="title", is_required=True),
                _text("description"),
                _VISIBILITY,
                _flag("shows_reasons"),
                _flag("shows_hosts"),
                _flag("shows_regions"),
                _texts("frame_origins"),
            ),
        ),
        KindOf(
            Kind.STATUS_GROUP,
            (
                Field(path="page", attribute="page", refers=Kind.STATUS_PAGE, is_required=True),
                Field(path="group", attribute="group", refers=Kind.GROUP, is_required=True),
                Field(path="public_name", attribute="public_name", is_required=True),
                _text("description"),
                _VISIBILITY,
                Field(
                    path="naming",
                    attribute="naming",
                    default=Naming.TOGETHER.value,
                    choices=tuple(item.value for item in Naming),
                    help="How its images are told of.",
                ),
                _count("position", most=MOST_POSITION, help_text="Smaller numbers come first."),
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
                _count("manifest_cadence_seconds", int(MANIFEST_CADENCE.total_seconds()), least=1),
                _count("blobs_cadence_seconds", int(BLOBS_CADENCE.total_seconds()), least=1),
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
                _count("endpoint.latency_ms"),
                _count("endpoint.certificate_days"),
                *_TERMS,
            ),
        ),
        KindOf(
            Kind.MAINTENANCE_WINDOW,
            (
                _NAMED,
                Field(path="starts_on", attribute="starts_on", shape=Shape.DATE, is_required=True),
                Field(path="starts_at", attribute="starts_at", shape=Shape.TIME, is_required=True),
                _text("zone", "UTC"),
                Field(
                    path="duration_minutes",
                    attribute="duration_minutes",
                    shape=Shape.INTEGER,
                    default=None,
                    least=1,
                    most=LONGEST // timedelta(minutes=1),
                    is_required=True,
                ),
                _text("rule"),
                _many("resources", Kind.IMAGE),
                _many("groups", Kind.GROUP),
                _many("registries", Kind.REGISTRY),
                _many("regions", Kind.REGION),
            ),
            is_named=True,
        ),
    )
}
"""Every kind but the source, by its word."""
