"""Entries of the audit log."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import InstantField
from probes.models import AuditEntry
from probes.policy.audit import ActorKind, AuditAction, Via

ACTOR_KINDS = [(item.value, item.value) for item in ActorKind]
WAYS = [(item.value, item.value) for item in Via]
ACTIONS = [(item.value, item.value) for item in AuditAction]


class AuditEntrySerializer(serializers.Serializer[AuditEntry]):
    """One change of one row of the configuration. It is never changed and never deleted."""

    id = serializers.IntegerField()
    at = InstantField(help_text="When, by the database's clock.")
    txid = serializers.IntegerField(help_text="The transaction: what was changed together has one.")
    actor_kind = serializers.ChoiceField(choices=ACTOR_KINDS)
    actor = serializers.CharField(
        help_text="A user name, also of whose token it was; the account that ran a command; a task's name."
    )
    user_id = serializers.IntegerField(allow_null=True)
    token_id = serializers.IntegerField(allow_null=True)
    token_name = serializers.CharField(allow_blank=True)
    address = serializers.CharField(allow_blank=True, help_text="The client's address, of a request.")
    via = serializers.ChoiceField(choices=WAYS, help_text="The way by which it came.")
    request_id = serializers.CharField(allow_blank=True, help_text="The `X-Request-ID` of a request.")
    path = serializers.CharField(
        allow_blank=True, help_text="Of a request its method and path; of a command its name."
    )
    model = serializers.CharField(help_text="What kind of row, such as `probes.resource`.")
    object_pk = serializers.CharField(help_text="The key of the row.")
    object_name = serializers.CharField(help_text="What it was known by then: its slug, say, or its host.")
    action = serializers.ChoiceField(choices=ACTIONS)
    changes = serializers.SerializerMethodField(
        help_text="For each field `[before, after]`; `***` is what is secret, null what was not there."
    )

    @extend_schema_field(
        {"type": "object", "additionalProperties": {"type": "array", "minItems": 2, "maxItems": 2, "items": {}}}
    )
    def get_changes(self, entry: AuditEntry) -> dict[str, Any]:
        changes: dict[str, Any] = entry.changes
        return changes
