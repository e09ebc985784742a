"""Where people are told, and of what."""

from typing import Any

from rest_framework import serializers

from api.fields import InstantField, NamedRowField, NamedRowsField, managed_by_field, slug_field
from api.serializers.ledger import NOTICE_STATES
from api.strict import StrictBody
from probes.actions.channels import LONGEST_KEY, SHORTEST_KEY
from probes.models import Channel, Registry, ResourceGroup
from probes.models.validation import LONGEST_CA_PEM, LONGEST_LABEL, LONGEST_REMINDER_MINUTES
from probes.policy.channel_url import LONGEST
from probes.policy.delivery import ChannelKind
from probes.policy.notices import ASKED_FOR
from probes.policy.terms import Severity

TOPICS = [(topic.value, topic.value) for topic in ASKED_FOR]


class ChannelSerializer(StrictBody):
    """A place where people are told. Its URL and its signing key are set and never shown."""

    id = serializers.IntegerField(read_only=True)
    slug = slug_field()
    name = serializers.CharField(max_length=100)
    kind = serializers.ChoiceField(
        choices=[(kind.value, kind.value) for kind in ChannelKind], help_text="It does not change."
    )
    is_enabled = serializers.BooleanField(default=True)
    url = serializers.CharField(
        max_length=LONGEST, write_only=True, required=False, help_text="Left out, what is stored stays."
    )
    address = serializers.CharField(read_only=True, help_text="What may be shown of the URL.")
    signing_key = serializers.CharField(
        min_length=SHORTEST_KEY,
        max_length=LONGEST_KEY,
        write_only=True,
        required=False,
        trim_whitespace=False,
        help_text="Of a webhook, whose bodies are signed with it. Left out, what is stored stays.",
    )
    sender = serializers.EmailField(allow_blank=True, default="", help_text="Of e-mail.")
    recipients = serializers.ListField(
        child=serializers.EmailField(), max_length=50, default=list, help_text="Of e-mail."
    )
    allowed_cidrs = serializers.ListField(
        child=serializers.CharField(max_length=43),
        max_length=20,
        default=list,
        help_text="Networks besides the public ones in which a webhook or Alertmanager may be.",
    )
    ca_pem = serializers.CharField(
        max_length=LONGEST_CA_PEM, allow_blank=True, default="", help_text="Trusted besides the system's."
    )
    reminder_minutes = serializers.IntegerField(
        min_value=1,
        max_value=LONGEST_REMINDER_MINUTES,
        allow_null=True,
        default=None,
        help_text="Tell again of what nobody acknowledged, each so many minutes; null is never.",
    )
    failures = serializers.IntegerField(read_only=True, help_text="So many attempts in a row came to nothing.")
    failing_since = InstantField(allow_null=True, read_only=True)
    last_error = serializers.CharField(read_only=True)
    last_sent_at = InstantField(allow_null=True, read_only=True)
    managed_by = managed_by_field()


class RuleSerializer(StrictBody):
    """What a channel is told; any one of its rules suffices. What is empty asks for nothing."""

    id = serializers.IntegerField(read_only=True)
    slug = slug_field()
    channel = NamedRowField[Channel](slug_field="slug", queryset=Channel.objects.all(), help_text="Its slug.")
    topics = serializers.ListField(
        child=serializers.ChoiceField(choices=TOPICS),
        max_length=len(ASKED_FOR),
        default=list,
        help_text="None are all.",
    )
    severity = serializers.ChoiceField(
        choices=[(item.value, item.value) for item in Severity],
        default=Severity.INFO.value,
        help_text="So severe at least.",
    )
    groups = NamedRowsField(
        queryset=ResourceGroup.objects.only("pk", "slug"), default=list, help_text="Their slugs; none are all."
    )
    registries = NamedRowsField(
        queryset=Registry.objects.only("pk", "host"),
        named_by="host",
        default=list,
        help_text="Their hosts; none are all.",
    )
    labels = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=LONGEST_LABEL),
        default=dict,
        help_text="Labels that a resource has; an empty text takes any value.",
    )
    managed_by = managed_by_field()


class TrialSerializer(serializers.Serializer[Any]):
    """A test notice that is on its way. Its channel's `last_sent_at` or `last_error` tells what came of it."""

    notice = serializers.IntegerField(source="pk")
    uid = serializers.UUIDField(help_text="The receiver knows it by that.")
    state = serializers.ChoiceField(choices=NOTICE_STATES)
    created_at = InstantField()
