"""What is stored, as documents would declare it: whole tables in a handful of queries."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Model, Q, QuerySet

from probes.models import (
    Channel,
    Credential,
    Endpoint,
    MaintenanceWindow,
    Policy,
    Region,
    Registry,
    Resource,
    ResourceGroup,
    ResourceKind,
    Rule,
    Schedule,
    Source,
    StatusGroup,
    StatusPage,
)
from probes.policy.declared.fields import Field, Shape, Value, frozen
from probes.policy.declared.kinds import CHECKED, KINDS, Kind
from probes.policy.declared.planning import NEVER_PRUNED, Stored

MODELS: Final[Mapping[str, type[Model]]] = {
    Kind.SCHEDULE: Schedule,
    Kind.POLICY: Policy,
    Kind.GROUP: ResourceGroup,
    Kind.REGION: Region,
    Kind.REGISTRY: Registry,
    Kind.CREDENTIAL: Credential,
    Kind.CHANNEL: Channel,
    Kind.RULE: Rule,
    Kind.STATUS_PAGE: StatusPage,
    Kind.STATUS_GROUP: StatusGroup,
    Kind.IMAGE: Resource,
    Kind.ENDPOINT: Resource,
    Kind.MAINTENANCE_WINDOW: MaintenanceWindow,
}
"""The table of whatever a document is, or names. An image and an endpoint are of one."""

KIND_OF_RESOURCE: Final = {ResourceKind.IMAGE: Kind.IMAGE, ResourceKind.ENDPOINT: Kind.ENDPOINT}
_AT_ONCE: Final = 5000
_OF_ENDPOINT: Final = "endpoint."


def named_by(kind: str) -> str:
    """Return the column that holds the stable names of a kind."""
    return "host" if kind == Kind.REGISTRY else "slug"


@dataclass(frozen=True, slots=True)
class _Names:
    """The stable names of what rows lead to, by kind and id."""

    of: Mapping[str, Mapping[int, str]]
    sources: Mapping[int, str]

    @classmethod
    def read(cls, kinds: Iterable[Kind]) -> "_Names":
        fields = (field for kind in kinds for field in KINDS[kind].fields)
        wanted = {field.refers for field in fields if field.refers and not field.leads_to_many}
        of = {
            kind: dict(MODELS[kind]._default_manager.values_list("pk", named_by(kind)))  # noqa: SLF001 - Django's documented API
            for kind in sorted(wanted)
        }
        return cls(of, dict(Source.objects.values_list("pk", "slug")))


def stored(names: Mapping[Kind, Collection[str]], *, source: str) -> list[Stored]:
    """Return what is stored under these names, and all that the source manages.

    A handful of queries for each kind that is declared, or of which the source manages something; a resource is
    found by its name whatever it is.
    """
    found: list[Stored] = []
    wanted = {kind: set(given) for kind, given in names.items()}
    checked = set().union(*(wanted.pop(kind, set()) for kind in CHECKED))
    for kind in (item for item in Kind if item not in CHECKED):
        found += _read(kind, _by_names(kind, wanted.get(kind, set()), source))
    found += _read_resources(_by_names(Kind.IMAGE, checked, source))
    return found


def everything(
    kinds: Iterable[Kind], *, source: str | None = None, ids: Iterable[int] | None = None
) -> Iterator[Stored]:
    """Yield all of these kinds in the order in which they can be stored, each in the order of its names.

    `source` narrows it to what that manages, an empty one to what is managed by hand; `ids` to resources of these
    ids. What is retired is left out.
    """
    chosen = set(kinds)
    managed = Q() if source is None else Q(managed_by__slug=source) if source else Q(managed_by=None)
    for kind in (item for item in Kind if item in chosen):
        if kind in CHECKED:
            rows = Resource.objects.filter(managed, kind=_WORD[kind], retired_at=None).order_by("slug")
            if ids is not None:
                rows = rows.filter(pk__in=ids)
            yield from _page_by_page(rows)
        else:
            others = MODELS[kind]._default_manager.filter(managed).order_by(named_by(kind))  # noqa: SLF001 - likewise
            yield from _read(kind, others.filter(retired_at=None) if kind is Kind.REGION else others)


def _page_by_page(rows: "QuerySet[Resource]") -> Iterator[Stored]:
    """Yield resources in the order of their names; never more of them are in memory than a page has."""
    last = ""
    while True:
        count = 0
        for row in _read_resources(rows.filter(slug__gt=last)[:_AT_ONCE]):
            count += 1
            last = row.name
            yield row
        if count < _AT_ONCE:
            return


_WORD: Final = {kind: word for word, kind in KIND_OF_RESOURCE.items()}


def _by_names(kind: Kind, names: Collection[str], source: str) -> "QuerySet[Any]":
    rows: QuerySet[Any] = MODELS[kind]._default_manager.order_by("pk")  # noqa: SLF001 - likewise
    wanted = Q(**{f"{named_by(kind)}__in": names})
    is_all_wanted = source and kind not in NEVER_PRUNED
    return rows.filter(wanted | Q(managed_by__slug=source)) if is_all_wanted else rows.filter(wanted)


def _read(kind: Kind, rows: "QuerySet[Any]") -> Iterator[Stored]:
    given = list(rows)
    if not given:
        return
    names = _Names.read([kind])
    readers = _readers(kind, names, _many(kind, [row.pk for row in given]))
    for row in given:
        yield Stored(
            kind=kind,
            name=getattr(row, named_by(kind)),
            key=row.pk,
            values={path: read(row) for path, read in readers},
            managed_by=names.sources.get(row.managed_by_id, ""),
        )


def _read_resources(rows: "QuerySet[Resource]") -> Iterator[Stored]:
    given = list(rows.select_related("endpoint"))
    if not given:
        return
    names = _Names.read([Kind.IMAGE])
    # Of one table: their fields that lead to several rows are the same.
    many = _many(Kind.IMAGE, [row.pk for row in given])
    readers = {kind: _readers(kind, names, many) for kind in KIND_OF_RESOURCE.values()}
    for row in given:
        kind = KIND_OF_RESOURCE[ResourceKind(row.kind)]
        yield Stored(
            kind=kind,
            name=row.slug,
            key=row.pk,
            values={path: read(row) for path, read in readers[kind]},
            managed_by=names.sources.get(row.managed_by_id or 0, ""),
            is_stale=row.stale_at is not None,
            is_retired=row.retired_at is not None,
        )


_Many = Mapping[str, Mapping[int, tuple[str, ...]]]


def _many(kind: Kind, ids: list[int]) -> _Many:
    """Return the stable names of the rows to which each of those leads, by path and id. One query for each field."""
    return {field.path: _led_to(kind, field, ids) for field in KINDS[kind].fields if field.leads_to_many}


def _led_to(kind: Kind, field: Field, ids: list[int]) -> Mapping[int, tuple[str, ...]]:
    column: Any = MODELS[kind]._meta.get_field(field.attribute)  # noqa: SLF001 - likewise
    own, other = column.m2m_field_name(), column.m2m_reverse_field_name()
    between: QuerySet[Any] = column.remote_field.through._default_manager.filter(**{f"{own}__in": ids})  # noqa: SLF001 - likewise
    found: dict[int, list[str]] = {}
    for pk, name in between.values_list(f"{own}_id", f"{other}__{named_by(field.refers)}"):
        found.setdefault(pk, []).append(name)
    return {pk: tuple(sorted(names)) for pk, names in found.items()}


_Reader = Callable[[Any], Value]


def _readers(kind: Kind, names: _Names, many: _Many) -> list[tuple[str, _Reader]]:
    """Return how each field is read from a row, made once for all rows."""
    return [(field.path, _reader(field, names, many)) for field in KINDS[kind].fields]


def _reader(field: Field, names: _Names, many: _Many) -> _Reader:
    attribute, shape = field.attribute, field.shape
    if field.leads_to_many:
        led_to = many[field.path]
        return lambda row: led_to.get(row.pk, ())
    if field.refers:
        known, column = names.of[field.refers], f"{attribute}_id"
        return lambda row: known.get(getattr(row, column))
    if field.path.startswith(_OF_ENDPOINT):
        return lambda row: frozen(getattr(Endpoint.of(row), attribute), shape)
    if field.may_be_null and shape is Shape.TEXT:
        return lambda row: getattr(row, attribute) or None
    return lambda row: frozen(getattr(row, attribute), shape)
