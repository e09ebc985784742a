"""What the machinery writes down of its own work: rows to be read."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import InstantField
from api.showing import ShownRow
from probes.models import Notice
from probes.policy.notices import NoticeState, Topic
from probes.policy.slots import MissedCause

CAUSES: Final = [(item.value, item.value) for item in MissedCause]
_TOPICS: Final = [(item.value, item.value) for item in Topic]
NOTICE_STATES: Final = [(item.value, item.value) for item in NoticeState]


class MissedSlotsSerializer(ShownRow):
    """Slots of a resource that have no outcome, from the first to the last, and why."""

    id = serializers.IntegerField()
    resource = serializers.IntegerField(source="resource_id", help_text="The id of the resource.")
    region = serializers.CharField(
        source="region.slug", default=None, allow_null=True, help_text="Its slug; null is every region."
    )
    cause = serializers.ChoiceField(
        choices=CAUSES,
        help_text="`downtime`: the control plane was down. `shed`: the region could take no more. `outdated`: a "
        "worker there could not read it. `quota`: none of the registry's was left. `lost`, `expired`: it was sent, "
        "and came to nothing.",
    )
    first_slot = InstantField()
    last_slot = InstantField()
    count = serializers.IntegerField(help_text="How many.")
    stride = serializers.IntegerField(
        help_text="Of what was shed: slots whose number it divides were sent, if it is more than 1."
    )


class HostCertificateSerializer(ShownRow):
    """The certificate that a host showed to a region last, on the way to a registry."""

    id = serializers.IntegerField()
    registry = serializers.CharField(source="registry.host", help_text="The registry's host.")
    region = serializers.CharField(source="region.slug", help_text="The region's slug.")
    host = serializers.CharField(help_text="Who showed it: the registry, its auth host, or one that it led to.")
    issuer = serializers.CharField(allow_blank=True)
    not_after = InstantField(help_text="When it ends.")
    first_seen_at = InstantField(help_text="This certificate, from this region.")
    seen_at = InstantField(help_text="Up to some minutes behind.")


class QuotaAccountSerializer(ShownRow):
    """Whom a registry counts requests for, what it lets us have, and what was taken of it."""

    id = serializers.IntegerField()
    registry = serializers.CharField(source="registry.host", help_text="The registry's host.")
    credential = serializers.CharField(
        source="credential.slug", default=None, allow_null=True, help_text="Whose login it is; null without one."
    )
    egress = serializers.CharField(allow_blank=True, help_text="Without a login: the address that it comes from.")
    regions = serializers.ListField(child=serializers.CharField(), help_text="Who comes from there: their slugs.")
    limit = serializers.IntegerField(
        source="told.limit", allow_null=True, help_text="Null where nothing limits us, or nothing is known."
    )
    window_seconds = serializers.IntegerField(source="told.window_seconds", allow_null=True)
    budget = serializers.IntegerField(
        source="told.budget", allow_null=True, help_text="What checks may use of the limit in a window."
    )
    allowance = serializers.IntegerField(
        source="told.allowance", allow_null=True, help_text="What is left of that at the moment."
    )
    spent = serializers.IntegerField(source="told.spent", help_text="Within the window that ends now.")
    lowered = serializers.IntegerField(source="told.lowered", help_text="Checks of it that looked less deep for it.")
    put_off = serializers.IntegerField(source="told.put_off", help_text="Slots of it that were put off.")
    remaining = serializers.IntegerField(
        allow_null=True, help_text="What the registry said last that is left, to all who share the account."
    )
    read_at = InstantField(allow_null=True, help_text="When it was last heard.")
    short_since = InstantField(allow_null=True, help_text="Since when there is less than checks want.")


class NoticeSerializer(ShownRow):
    """One announcement to one channel."""

    id = serializers.IntegerField()
    uid = serializers.UUIDField(help_text="The same at each attempt: receivers know it by that.")
    channel = serializers.CharField(source="channel.slug", help_text="The stable name of the channel.")
    topic = serializers.ChoiceField(choices=_TOPICS)
    incident = serializers.IntegerField(source="incident_id", allow_null=True, help_text="The id of the incident.")
    title = serializers.SerializerMethodField(help_text="What is told, in a line.")
    state = serializers.ChoiceField(choices=NOTICE_STATES)
    created_at = InstantField()
    due_at = InstantField(help_text="Before which nothing is tried.")
    attempts = serializers.IntegerField()
    last_error = serializers.CharField(allow_blank=True, help_text="Why the last attempt failed.")
    because = serializers.CharField(allow_blank=True, help_text="Why it was better left unsaid.")
    sent_at = InstantField(allow_null=True)

    @extend_schema_field(str)
    def get_title(self, notice: Notice) -> Any:
        return notice.announcement["title"]
