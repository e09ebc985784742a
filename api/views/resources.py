from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

from django.db.models import Model, OuterRef, QuerySet
from django.utils import timezone
from rest_framework.exceptions import ErrorDetail, PermissionDenied, ValidationError

from api import examples
from api.access import reach_of
from api.pagination import AS_MADE, INSTANTS, TEXTS, Order
from api.resource_queries import ResourceQuery
from api.serializers.endpoint import DETAIL
from api.serializers.resource import SHOWN_STATES, ListedResourceSerializer, ResourceSerializer, StateSerializer
from api.shown_at_once import shown_at_once
from api.views.resource_orders import ResourceOrders
from api.views.writing import NounViewSet, described, filled
from probes.actions import resources as actions
from probes.actions.resource_batches import Draft, make_those_that_can_be
from probes.models import Credential, Endpoint, Policy, Region, Registry, Resource, ResourceGroup, Schedule, Source
from probes.policy.access import Role
from probes.selectors.resources import resources, states

_NAMED: Final = ("credential", "group", "managed_by", "policy", "schedule")
_OTHERS: Final[Sequence[type[Model]]] = (Credential, ResourceGroup, Source, Policy, Schedule, Registry)
_UNLISTED: Final = tuple(
    f"{relation}__{field.name}"
    for relation, model in zip((*_NAMED, "registry"), _OTHERS, strict=True)
    for field in model._meta.concrete_fields  # noqa: SLF001 - documented API
    if field.name not in ("id", "slug", "host")
)
"""All but the stable names of other rows, which is what a list tells of them: eighty columns."""


@described(
    noun="a resource",
    plural="resources",
    order="In the order they were made, each with its verdict, and on demand its state per region.",
    shown=examples.resource(),
    sent=examples.new_resource(),
    patch={"interval_seconds": 60, "labels": {"team": "shop", "tier": "1"}},
    listed=ListedResourceSerializer,
    row={name: value for name, value in examples.resource().items() if name != "states"},
)
class ResourceViewSet(ResourceOrders, NounViewSet[Resource]):
    lookup_value_converter = "int"
    serializer_class = ResourceSerializer
    query_class = ResourceQuery
    orders: ClassVar = {
        "id": AS_MADE,
        "slug": Order(column="slug", values=TEXTS),
        "name": Order(column="name", values=TEXTS),
        "created_at": Order(column="created_at", values=INSTANTS),
        "updated_at": Order(column="updated_at", values=INSTANTS),
        "next_due_at": Order(column="next_due_at", values=INSTANTS),
    }
    is_cut_first = True
    # What of an endpoint may be secret is not shown: its headers' values, its body, the query of its URL.
    marks = ("updated_at",)
    queryset = Resource.objects.none()

    def rows(self) -> QuerySet[Resource]:
        reach = reach_of(self.request)
        found = resources(reach).select_related(*_NAMED).defer("credential__secret_encrypted")
        if self.action == "list":
            found = found.defer(*_UNLISTED)
        if not self._with_states:
            return found
        seen = states(reach).filter(resource=OuterRef("pk"))
        return found.annotate(**{SHOWN_STATES: shown_at_once(StateSerializer, seen)})

    @property
    def _with_states(self) -> bool:
        if self.action not in {"list", "bulk"}:
            return True
        return "states" in self.request.query_params.getlist("include") or (
            self.asked is not None and self.wants("states")
        )

    def get_serializer_class(self) -> Any:
        return ListedResourceSerializer if self.action in {"list", "bulk"} else ResourceSerializer

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "with_states": self._with_states}

    def store(self, row: Resource | None, values: dict[str, Any]) -> Resource:
        regions = values.pop("regions", None)
        asked = {name: values.pop(name) for name in DETAIL & values.keys()}
        if row is not None and values.get("reference") == row.shown_reference:
            values.pop("reference")  # as it was shown: the values of its query are kept
        if row is not None and row.is_endpoint and "reference" in values:
            actions.refuse_carried(row, values["reference"], given=asked.keys())
        if row is None or regions is not None:
            self._refuse_everywhere(regions or ())
        is_another = row is None or "reference" in values
        resource = filled(row or Resource(), values)
        detail = filled(Endpoint.of(resource), asked) if resource.is_endpoint and asked else None
        actions.save(resource, endpoint=detail, regions=regions, now=timezone.now())
        if is_another:
            actions.refuse_closed_target(resource, resource.registry)
        return resource

    def make_together(self, bodies: Mapping[int, Any]) -> Mapping[int, Resource]:
        serializer = ResourceSerializer(context=self.get_serializer_context())
        drafts: dict[int, Draft] = {}
        for key, body in bodies.items():
            serializer.initial_data = body
            with suppress(ValidationError):
                drafts[key] = self._draft(dict(serializer.run_validation(body)))
        made = {id(draft) for draft in make_those_that_can_be(list(drafts.values()), now=timezone.now())}
        stored = {key: draft.row.pk for key, draft in drafts.items() if id(draft) in made}
        found = {row.pk: row for row in self.get_queryset().filter(pk__among=list(stored.values()))}
        if len(found) < len(stored):
            raise PermissionDenied("Some would be beyond your reach.", "missing_role")
        for row in found.values():
            self.check_object_permissions(self.request, row)
        return {key: found[pk] for key, pk in stored.items()}

    def _draft(self, values: dict[str, Any]) -> Draft:
        """Return a new resource as a body describes it. Raises `ValidationError`."""
        regions = values.pop("regions", None)
        asked = {name: values.pop(name) for name in DETAIL & values.keys()}
        self._refuse_everywhere(regions or ())
        row = filled(Resource(), values)
        detail = filled(Endpoint.of(row), asked) if row.is_endpoint else None
        return Draft(row, endpoint=detail, regions=regions)

    def remove(self, row: Resource) -> None:
        actions.delete([row.pk], now=timezone.now())

    def _refuse_everywhere(self, regions: Collection[Region]) -> None:
        """Refuse to have checks from everywhere, which is no region named, to whoever does not reach that far."""
        if not regions and reach_of(self.request, Role.EDITOR).regions is not None:
            message = "Name regions of yours: you do not reach all from which it would be checked."
            raise ValidationError({"regions": [ErrorDetail(message, "beyond_reach")]})
