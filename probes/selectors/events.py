"""Events, newest first, with what they are about."""

from functools import lru_cache
from typing import Final

from django.db.models import F, Q, QuerySet, TextField, Value
from django.db.models.functions import Concat

from probes.models import Credential, Event, HostCertificate, Resource
from probes.policy.access import Reach
from probes.selectors import registries, visible
from probes.selectors.prepared import MOST, Blank, Prepared, number
from probes.selectors.regions import UNREAD_JOINED

_REGISTRY: Final = Blank("registry")


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
    """Events that concern a resource, newest first, without what else they are about. Slice it; two queries."""
    return Event.objects.filter(concerning(resource)).order_by("-at", "-id")


def concerning(resource: Resource) -> Q:
    """Return what holds for the events of a resource, of its registry, and of the logins it may be checked with.

    One query. With that as a subquery of the condition no index would serve any part of it.
    """
    logins = list(_logins(resource).values_list("pk", flat=True))
    return Q(resource=resource) | Q(registry=resource.registry_id) | Q(credential__in=logins)


def _logins(resource: Resource) -> QuerySet[Credential]:
    """Return its own credential if it has one; otherwise, of an image, those of the registry that it lies under."""
    if resource.credential_id is not None:
        return Credential.objects.filter(pk=resource.credential_id)
    if resource.is_endpoint:
        return Credential.objects.none()
    beneath = Credential.objects.filter(registry=resource.registry_id).annotate(
        place=Value(f"{resource.repository}/", output_field=TextField())
    )
    prefix = Concat(F("repository_prefix"), Value("/"), output_field=TextField())
    return beneath.filter(Q(repository_prefix="") | Q(place__startswith=prefix))


def certificates_towards(registry_id: int, reach: Reach) -> list[HostCertificate]:
    """Certificates of the hosts that checks of a registry meet, from regions in service within reach. One query."""
    return _certificates_towards(reach).read({_REGISTRY: str(registry_id)})


@lru_cache(MOST)
def _certificates_towards(reach: Reach) -> Prepared[HostCertificate, HostCertificate]:
    rows = HostCertificate.objects.filter(registry=number(_REGISTRY), region__retired_at=None)
    joined = visible.among(rows.select_related("region").defer(*UNREAD_JOINED), reach)
    return Prepared(joined.order_by("not_after", "host", "region__slug"))


def certificates() -> QuerySet[HostCertificate]:
    """Certificates of hosts, the one that ends first before the others, with region and registry. One query."""
    return (
        HostCertificate.objects.select_related("registry", "region")
        .defer(*(f"registry__{name}" for name in registries.UNREAD), *UNREAD_JOINED)
        .order_by("not_after", "host", "region__slug")
    )
