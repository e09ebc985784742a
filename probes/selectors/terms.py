"""On which terms resources are judged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from probes.models import GlobalTerms, Resource, ResourceGroup
from probes.policy.terms import NOTHING_SAID, Layer, Origin, Terms, origins, settle


@dataclass(frozen=True, slots=True)
class InForce:
    """Terms, and for each of their fields who has settled it."""

    terms: Terms
    origins: Mapping[str, Origin]


def groups(*, are_counted: bool = True) -> QuerySet[ResourceGroup]:
    """Groups in the order of their names, each with its `image_count` unless nobody asks for it. One query."""
    rows = ResourceGroup.objects.order_by("name")
    return rows.annotate(image_count=Count("resources")) if are_counted else rows


def of_all() -> Layer:
    """Return what the operator says for all resources. One query."""
    row = GlobalTerms.objects.first()
    return row.layer if row else NOTHING_SAID


def terms_of(resources: Iterable[Resource]) -> Mapping[int, Terms]:
    """Return the terms of each resource: its own over those of its group over those of all.

    Resources come with their group. One query.
    """
    everywhere = of_all()
    return {
        item.pk: settle(everywhere, item.group.layer if item.group else NOTHING_SAID, item.layer)
        for item in resources
    }


def in_force(subject: Resource | ResourceGroup) -> InForce:
    """Return the terms of a resource or of a group, and where each comes from. A resource comes with its group.

    One query.
    """
    layers = {Origin.ALL: of_all()}
    group = subject if isinstance(subject, ResourceGroup) else subject.group
    if group is not None:
        layers[Origin.GROUP] = group.layer
    if isinstance(subject, Resource):
        layers[Origin.RESOURCE] = subject.layer
    return InForce(settle(*layers.values()), origins(layers))
