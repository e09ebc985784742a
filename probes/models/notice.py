"""Who is told: channels with their rules, and the outbox of notices."""

import uuid
from datetime import timedelta
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from probes.models import validation
from probes.models.audited import audited
from probes.models.group import ResourceGroup
from probes.models.incident import Incident
from probes.models.named import Named
from probes.models.registry import Registry
from probes.models.source import Managed
from probes.policy import notices
from probes.policy.delivery import ChannelKind
from probes.policy.notices import ASKED_FOR, NoticeState, Topic
from probes.policy.terms import Severity

_KIND_LABELS = {
    ChannelKind.EMAIL: "e-mail",
    ChannelKind.WEBHOOK: "webhook",
    ChannelKind.ALERTMANAGER: "Prometheus Alertmanager",
    ChannelKind.APPRISE: "Apprise",
}


@audited(
    told=(
        "slug",
        "name",
        "kind",
        "is_enabled",
        "address",
        "sender",
        "recipients",
        "allowed_cidrs",
        "ca_pem",
        "reminder_minutes",
        "managed_by",
    ),
    masked=("secret_encrypted",),
    unwatched=("failures", "failing_since", "quiet_until", "last_error", "last_sent_at", "refreshed_at"),
)
class Channel(Named, Managed):
    """A place where people are told.

    `secret_encrypted` is Fernet text of JSON: `url`, which often holds a token or a login, and the `signing_key` of a
    webhook; `actions.secrets` stores and opens it. `address` is what may be shown of the URL.

    States of a row:
    - disabled: not `is_enabled`; gets no new notices, and those that wait wait on;
    - well: `failures` is 0;
    - failing: `failures` attempts in a row came to nothing since `failing_since`, with `last_error`; nothing is tried
      before `quiet_until`.

    `refreshed_at` is when Alertmanager was last told of all that stands.
    """

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=12, choices=[(kind.value, label) for kind, label in _KIND_LABELS.items()])
    is_enabled = models.BooleanField("enabled", default=True)
    secret_encrypted = models.BinaryField(default=b"", editable=False)
    address = models.CharField(max_length=300, blank=True, editable=False)
    sender = models.EmailField(blank=True, help_text="Of e-mail.")
    recipients = ArrayField(
        models.EmailField(), default=list, blank=True, size=50, help_text="Of e-mail, separated by commas."
    )
    allowed_cidrs = ArrayField(
        models.CharField(max_length=43, validators=[validation.allowed_cidr]),
        default=list,
        blank=True,
        size=20,
        verbose_name="allowed networks",
        help_text="Networks besides the public ones in which a webhook or Alertmanager may be, such as 10.20.0.0/16.",
    )
    ca_pem = models.TextField(
        "CA certificates", blank=True, validators=[validation.certificates], help_text="Trusted besides the system's."
    )
    reminder_minutes = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[validation.reminder_minutes],
        help_text="Tell again of an incident that nobody acknowledged, each so many minutes. Empty: never.",
    )
    failures = models.PositiveIntegerField(default=0, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    quiet_until = models.DateTimeField(null=True, editable=False)
    last_error = models.CharField(max_length=300, blank=True, editable=False)
    last_sent_at = models.DateTimeField(null=True, editable=False)
    refreshed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            *Named.Meta.constraints,
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in ChannelKind]), name="channel_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def named_after(self) -> str:
        return self.name

    def clean(self) -> None:
        """Check what the kind asks for. Raises `ValidationError` by field."""
        super().clean()
        is_email = self.kind == ChannelKind.EMAIL
        errors = {}
        if is_email and not self.recipients:
            errors["recipients"] = "E-mail goes to somebody."
        if is_email and not self.sender:
            errors["sender"] = "E-mail comes from somebody."
        if self.kind == ChannelKind.ALERTMANAGER and self.reminder_minutes:
            errors["reminder_minutes"] = "Alertmanager repeats by itself: its repeat_interval."
        if errors:
            raise ValidationError(errors)

    @property
    def has_secret(self) -> bool:
        return bool(self.secret_encrypted)

    @property
    def reminds_every(self) -> timedelta | None:
        return timedelta(minutes=self.reminder_minutes) if self.reminder_minutes else None


@audited(
    told=("slug", "channel", "topics", "severity", "labels", "managed_by"),
    many=("groups", "registries"),
)
class Rule(Named, Managed):
    """What a channel wants to be told; any one of its rules suffices. What is empty asks for nothing."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="rules")
    topics = ArrayField(
        models.CharField(
            max_length=24, choices=[(topic.value, topic.value.replace("_", " ")) for topic in ASKED_FOR]
        ),
        default=list,
        blank=True,
        help_text="None chosen means all.",
    )
    severity = models.CharField(
        "severity at least",
        max_length=8,
        choices=[(item.value, item.value) for item in Severity],
        default=Severity.INFO.value,
    )
    groups = models.ManyToManyField(ResourceGroup, blank=True, related_name="+", help_text="None chosen means all.")
    registries = models.ManyToManyField(Registry, blank=True, related_name="+", help_text="None chosen means all.")
    labels = models.JSONField(
        default=dict,
        blank=True,
        validators=[validation.labels],
        help_text='Labels that a resource has, such as {"team": "payments"}; an empty text takes any value.',
    )

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            *Named.Meta.constraints,
            models.CheckConstraint(
                condition=Q(severity__in=[item.value for item in Severity]), name="rule_severity_is_known"
            ),
            models.CheckConstraint(
                condition=Q(topics__contained_by=[topic.value for topic in ASKED_FOR]), name="rule_topics_are_known"
            ),
        ]

    def __str__(self) -> str:
        topics = ", ".join(topic.replace("_", " ") for topic in self.topics) or "everything"
        return f"{self.channel}: {topics}, {self.severity} at least"

    @property
    def named_after(self) -> str:
        return f"{self.channel.slug} {' '.join(self.topics) or 'everything'}"

    @property
    def policy(self) -> notices.Rule:
        """The rule as a value; `groups` and `registries` should be prefetched."""
        return notices.Rule(
            topics=frozenset(map(Topic, self.topics)),
            severity=Severity(self.severity),
            groups=frozenset(group.pk for group in self.groups.all()),
            registries=frozenset(registry.pk for registry in self.registries.all()),
            labels=self.labels,
        )


class Notice(models.Model):
    """One announcement to one channel: a row of the outbox, written with what it tells of.

    States of a row (`policy.notices.NoticeState`):
    - pending: not told yet, before `due_at`: held back, to be tried again, or on its way in a process that has until
      then. `attempts` counts those that were begun; what a killed process had begun is begun again;
    - sent: at `sent_at`, as far as the receiver says;
    - failed: tried for days, last with `last_error`;
    - suppressed: better left unsaid, `because` of something.

    `key` is the announcement's, once for each channel. `uid` is the same at each attempt: receivers know it by that.
    """

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="notices", db_index=False)
    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    key = models.CharField(max_length=420)
    topic = models.CharField(max_length=24, choices=[(topic.value, topic.value) for topic in Topic])
    incident = models.ForeignKey(Incident, on_delete=models.SET_NULL, null=True, related_name="notices")
    announcement = models.JSONField()
    state = models.CharField(
        max_length=10,
        choices=[(state.value, state.value) for state in NoticeState],
        default=NoticeState.PENDING.value,
    )
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)
    because = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["channel", "due_at"], condition=Q(state="pending"), name="notice_due"),
            models.Index(fields=["channel", "-sent_at"], condition=Q(state="sent"), name="notice_sent"),
            models.Index(fields=["state", "-id"], name="notice_state"),
            models.Index(fields=["created_at"], name="notice_age"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["channel", "key"], name="notice_is_one_per_channel_and_key"),
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False)
                | Q(state__in=["pending", "failed", "suppressed"], sent_at=None),
                name="notice_sent_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(topic__in=[topic.value for topic in Topic]), name="notice_topic_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} to {self.channel}"

    @property
    def told(self) -> notices.Announcement:
        return notices.Announcement.from_json(self.announcement)
