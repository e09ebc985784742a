"""Events, newest first, with what they are about."""

from django.db.models import QuerySet

from probes.models import Event, HostCertificate, Resource
from probes.selectors import registries
from probes.selectors.regions import UNREAD_JOINED


def events() -> QuerySet[Event]:
    """Events of all, newest first, with the resource, registry or credential of each. One query."""
    return (
        Event.objects.select_related("resource", "registry", "credential__registry", "credential__region")
        .defer(
            *(f"{way}{name}" for way in ("registry__", "credential__registry__") for name in registries.UNREAD),
            "credential__secret_encrypted",
            *(f"credential__{name}" for name in UNREAD_JOINED),
        )
        .order_by("-at", "-id")
    )


def events_of(resource: Resource) -> QuerySet[Event]:
    """Events of a resource, newest first: those of its tag. Slice it; one query."""
    return Event.objects.filter(resource=resource).order_by("-at", "-id")


def certificates() -> QuerySet[HostCertificate]:
    """Certificates of hosts, the one that ends first before the others, with region and registry. One query."""
    return (
        HostCertificate.objects.select_related("registry", "region")
        .defer(*(f"registry__{name}" for name in registries.UNREAD), *UNREAD_JOINED)
        .order_by("not_after", "host", "region__slug")
    )
