"""On which terms resources are judged: what each origin says, put together by `policy.terms`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from probes.models import GlobalTerms, Policy, Resource, ResourceGroup
from probes.policy.terms import NOTHING_SAID, USUAL, Layer, Origin, Terms, origins, resolve
from probes.policy.verdict import FRESH_ALLOWANCE_SECONDS
from probes.selectors.prepared import Prepared

SETTLED_BY: Final = """
LEFT JOIN probes_resourcegroup AS held_with ON held_with.id = resource.group_id
LEFT JOIN probes_policy AS policy ON policy.id = resource.policy_id
LEFT JOIN probes_policy AS held_by ON held_by.id = held_with.policy_id
LEFT JOIN probes_globalterms AS terms ON true
"""
"""In SQL, all that has a say in the terms of a `resource`."""

FRESH_FOR: Final = f"""make_interval(
    secs => coalesce(resource.spacing_seconds, resource.interval_seconds) * region.stride
        * coalesce(resource.fresh_intervals, policy.fresh_intervals, held_with.fresh_intervals,
            held_by.fresh_intervals, terms.fresh_intervals, {USUAL.fresh_intervals})::integer
        + {FRESH_ALLOWANCE_SECONDS}
)"""
"""In SQL, how long what a `region` says of a `resource` is fresh (`policy.verdict.fresh_for`), `SETTLED_BY` joined.

In layers, as `policy.terms` settles them.
"""


@dataclass(frozen=True, slots=True)
class InForce:
    """Terms, and for each of their fields who has settled it."""

    terms: Terms
    origins: Mapping[str, Origin]


def groups(*, are_counted: bool = True) -> QuerySet[ResourceGroup]:
    """Groups in the order of their names, each with its `image_count` unless nobody asks for it. One query."""
    rows = ResourceGroup.objects.order_by("name")
    counted = Resource.objects.filter(group=OuterRef("pk")).order_by().values("group").annotate(count=Count("*"))
    # Of those alone that are read: not of all, of which a page is cut out afterwards. By the index: no row is read.
    return rows.annotate(image_count=Coalesce(Subquery(counted.values("count")), 0)) if are_counted else rows


def of_all() -> Layer:
    """Return what the operator says for all resources. One query."""
    rows = _of_all().read()
    return rows[0].layer if rows else NOTHING_SAID


@lru_cache
def _of_all() -> Prepared[GlobalTerms, GlobalTerms]:
    return Prepared(GlobalTerms.objects.order_by("pk")[:1])


def terms_of(resources: Iterable[Resource], *, policy: Layer | None = None) -> Mapping[int, Terms]:
    """Return the terms of each resource, or those it would have if it took a `policy` that says this.

    Resources come with their group. One query, and one more where some of them take a policy.
    """
    given = list(resources)
    if not given:
        return {}
    everywhere, policies = of_all(), _of_policies(given)
    assumed = {} if policy is None else {Origin.POLICY: policy}
    return {item.pk: resolve({**_said(item, everywhere, policies), **assumed}) for item in given}


def in_force(subject: Resource | ResourceGroup) -> InForce:
    """Return the terms of a resource or of a group, and where each comes from. A resource comes with its group.

    One query, and one more where a policy has a say that did not come with it.
    """
    layers = _said(subject, of_all(), _of_policies([subject]))
    return InForce(resolve(layers), origins(layers))


def _said(
    subject: Resource | ResourceGroup, everywhere: Layer, policies: Mapping[int, Layer]
) -> Mapping[Origin, Layer]:
    said = {Origin.ALL: everywhere}
    group = subject if isinstance(subject, ResourceGroup) else subject.group
    if group is not None:
        said[Origin.GROUP] = group.layer
        if group.policy_id is not None:
            said[Origin.GROUP_POLICY] = policies.get(group.policy_id, NOTHING_SAID)
    if isinstance(subject, Resource):
        said[Origin.RESOURCE] = subject.layer
        if subject.policy_id is not None:
            said[Origin.POLICY] = policies.get(subject.policy_id, NOTHING_SAID)
    return said


def _of_policies(subjects: Iterable[Resource | ResourceGroup]) -> Mapping[int, Layer]:
    """Return what the policies of these say, by id. There are few, however many take them.

    One that was joined to whoever takes it is not read again.
    """
    taking: list[Resource | ResourceGroup] = []
    for item in subjects:
        group = item.group if isinstance(item, Resource) else None
        taking += [item, group] if group is not None else [item]
    known: dict[int, Layer] = {}
    wanted: set[int] = set()
    for item in taking:
        if item.policy_id is not None and _is_joined(item) and item.policy is not None:
            known[item.policy_id] = item.policy.layer
        elif item.policy_id is not None:
            wanted.add(item.policy_id)
    wanted -= known.keys()
    return known | {pk: row.layer for pk, row in Policy.objects.in_bulk(wanted).items()} if wanted else known


def _is_joined(taking: Resource | ResourceGroup) -> bool:
    return "policy" in taking._state.fields_cache  # noqa: SLF001 - Django's, and nothing else tells
