"""What lists of resources, of their verdicts and of their outcomes can be narrowed by."""

from typing import ClassVar

from django.db.models import QuerySet
from rest_framework import serializers

from api import parameters
from api.access import reach_in
from api.declaring import declared
from api.fields import GroupField, InstantField, ResourceField
from api.queries import Query
from api.strict import StrictBody
from probes.models import Outcome, Resource, ResourceKind
from probes.policy.verdict import VerdictState
from probes.protocol.taxonomy import Reason, Status
from probes.selectors.resources import judged, saying, seen

_AS_LAST_SEEN = f"As last seen from `region`, or from any. {parameters.ANY_OF_SEVERAL}"


class ResourceQuery(Query[Resource]):
    registry = parameters.registry("A registry's host, such as `ghcr.io`.")
    kind = parameters.one_of(ResourceKind, "Only images, or endpoints.")
    group = parameters.group()
    schedule = parameters.schedule()
    policy = parameters.policy()
    managed_by = parameters.managed_by()
    label = declared(
        serializers.ListField(
            child=serializers.CharField(max_length=1_500),
            max_length=10,
            required=False,
            help_text="`NAME:VALUE`, or `NAME` for any value of it. Repeat it for all of several.",
        )
    )
    verdict = parameters.any_of(VerdictState)
    region = parameters.region("A region's slug: what was seen from there, and with `status` or `reason`, as what.")
    status = parameters.any_of(Status, _AS_LAST_SEEN)
    reason = parameters.any_of(Reason, _AS_LAST_SEEN)
    paused = parameters.either("Only paused, or only scheduled ones.")
    stale = parameters.either("Only what its source lists no more, or only others.")
    retired = parameters.either("Only what is kept for its history, or only others.")
    search = parameters.search("Words, or their beginnings, of the name or of the reference, in any order.", most=200)
    include = serializers.MultipleChoiceField(
        choices=["states"], required=False, help_text="What weighs and is left out unless asked for."
    )

    lookups: ClassVar = {name: name for name in ("registry", "kind", "group", "schedule", "policy", "managed_by")}
    filled: ClassVar = {"paused": "paused_at", "stale": "stale_at", "retired": "retired_at"}

    def narrow(self, rows: QuerySet[Resource]) -> QuerySet[Resource]:
        rows, asked = super().narrow(rows), self.asked
        for label in asked.get("label", ()):
            name, has_value, value = label.partition(":")
            rows = rows.filter(labels__contains={name: value}) if has_value else rows.filter(labels__has_key=name)
        if states := asked.get("verdict"):
            rows = rows.filter(judged(states))
        region, statuses, reasons = (asked.get(name) for name in ("region", "status", "reason"))
        if region or statuses or reasons:
            rows = rows.filter(seen(region, statuses or (), reasons or (), reach_in(self.context)))
        if text := asked.get("search"):
            rows = rows.filter(saying(text))
        return rows


class ResourceFilter(StrictBody, ResourceQuery):
    """The same in a body, where there are no pages, and nothing is shown."""

    known_besides = frozenset()
    include = None  # type: ignore[assignment]  # as DRF has it taken away


class VerdictQuery(Query[Resource]):
    state = parameters.any_of(VerdictState)
    registry = parameters.registry()
    group = GroupField(required=False, help_text="A group's stable name, or its name.")

    lookups: ClassVar = {"registry": "registry", "group": "group"}

    def narrow(self, rows: QuerySet[Resource]) -> QuerySet[Resource]:
        states = self.asked.get("state")
        return super().narrow(rows.filter(judged(states)) if states else rows)


class OutcomeQuery(Query[Outcome]):
    resource = ResourceField(required=False, help_text="A resource's id or stable name.")
    region = parameters.regions()
    status = parameters.any_of(Status)
    reason = parameters.any_of(Reason)
    since = InstantField(required=False, help_text="Slots at or after this time.")
    until = InstantField(required=False, help_text="Slots before this time.")

    lookups: ClassVar = {
        "resource": "resource",
        "region": "region__in",
        "status": "status__in",
        "reason": "reason__in",
        "since": "slot__gte",
        "until": "slot__lt",
    }

    def narrow(self, rows: QuerySet[Outcome]) -> QuerySet[Outcome]:
        if reasons := self.asked.get("reason"):
            # Each reason has one status; naming it leads the database to the index of what is not available.
            rows = rows.filter(status__in={Reason(reason).status for reason in reasons})
        return super().narrow(rows)
