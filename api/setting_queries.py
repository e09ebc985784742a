"""What lists of what people set up can be narrowed by, resources aside."""

from typing import Any, ClassVar

from rest_framework import serializers

from api import parameters
from api.queries import Query
from probes.models import Announcement, CredentialKind, MaintenanceWindow, ResourceGroup, Source
from probes.policy.delivery import ChannelKind
from probes.policy.publishing import AnnouncementKind, Visibility


class GroupQuery(Query[ResourceGroup]):
    search = parameters.search()

    said_in = ("name",)


class WindowQuery(Query[MaintenanceWindow]):
    search = parameters.search()

    said_in = ("name",)


class SourceQuery(Query[Source]):
    search = parameters.search()

    said_in = ("name",)


class TextQuery(Query[Any]):
    """Of rows that have a name, and may be managed."""

    search = parameters.search()
    managed_by = parameters.managed_by()

    lookups: ClassVar = {"managed_by": "managed_by"}
    said_in: ClassVar[tuple[str, ...]] = ("name", "slug")


class CredentialQuery(TextQuery):
    registry = parameters.registry()
    region = parameters.region("Used from this one only: its slug.")
    kind = parameters.one_of(CredentialKind, "Only logins of this kind.")

    lookups: ClassVar = {**TextQuery.lookups, "registry": "registry", "region": "region", "kind": "kind"}
    said_in = ("label", "slug", "repository_prefix", "username")


class ChannelQuery(TextQuery):
    kind = parameters.one_of(ChannelKind, "Only those that tell in this way.")
    is_enabled = parameters.either("Only those by which anybody is told, or only others.")

    lookups: ClassVar = {**TextQuery.lookups, "kind": "kind", "is_enabled": "is_enabled"}


class RuleQuery(TextQuery):
    channel = parameters.channel()

    lookups: ClassVar = {**TextQuery.lookups, "channel": "channel"}
    said_in = ("slug",)


class StatusPageQuery(TextQuery):
    visibility = parameters.one_of(Visibility, "Only those that are shown to these.")

    lookups: ClassVar = {**TextQuery.lookups, "visibility": "visibility"}
    said_in = ("title", "slug")


class StatusGroupQuery(TextQuery):
    page = parameters.status_page()
    group = parameters.group()
    visibility = parameters.one_of(Visibility, "Only those that are shown to these.")

    lookups: ClassVar = {**TextQuery.lookups, "page": "page", "group": "group", "visibility": "visibility"}
    said_in = ("public_name", "slug")


class AnnouncementQuery(Query[Announcement]):
    page = parameters.status_page()
    kind = parameters.one_of(AnnouncementKind, "Only those of this kind.")
    visibility = parameters.one_of(Visibility, "Only those that are shown to these.")
    is_pinned = parameters.either("Only those that come before the others, or only the others.")
    search = parameters.search("A part of the title or of the slug.")

    lookups: ClassVar = {name: name for name in ("page", "kind", "visibility", "is_pinned")}
    said_in = ("title", "slug")


class RegistryQuery(TextQuery):
    host = serializers.CharField(required=False, max_length=260, help_text="Exactly this one.")
    search = parameters.search("A part of the host or of the name.")
    has_client_certificate = parameters.either("Only those with one, or only those without.")

    lookups: ClassVar = {**TextQuery.lookups, "host": "host"}
    said_in = ("host", "name")

    def narrow(self, rows: Any) -> Any:
        rows = super().narrow(rows)
        if (has_one := self.asked.get("has_client_certificate")) is None:
            return rows
        return rows.exclude(client_certificate="") if has_one else rows.filter(client_certificate="")


class RegionQuery(TextQuery):
    known_besides = frozenset()  # they are few, and there are no pages

    search = parameters.search("A part of the slug or of the name.")
    retired = parameters.either("Only retired ones, or only others.")

    filled: ClassVar = {"retired": "retired_at"}
    said_in = ("slug", "name")
