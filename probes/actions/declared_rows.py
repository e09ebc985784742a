"""From what is declared to rows that can be stored: filled, led to what they name, and checked."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Model, Q

from probes.actions import resource_batches, resources
from probes.actions.resource_batches import Draft
from probes.models import Endpoint, Region, Registry, Resource, ResourceKind, Source
from probes.policy.declared.fields import Field, Shape, plain
from probes.policy.declared.kinds import CHECKED, KINDS, Kind
from probes.policy.declared.planning import Change, Plan, Verb
from probes.policy.declared.reading import Fault
from probes.selectors.declared import MODELS, named_by

_OF_ENDPOINT: Final = "endpoint."
_PERSONAL: Final = {Kind.IMAGE: ResourceKind.IMAGE, Kind.ENDPOINT: ResourceKind.ENDPOINT}


@dataclass(slots=True)
class Rows:
    """What is to be stored, in order, and what is wrong with it."""

    settings: list[tuple[Change, Any]] = field(default_factory=list)
    new: list[Draft] = field(default_factory=list)
    changed: list[Draft] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def rows_of(plan: Plan, source: Source | None, *, lock: bool) -> Rows:
    """Return the rows of all that is made and changed. With `lock`, those that are there are locked, in one order.

    Resources before all else, as by whoever changes one. A handful of queries for each kind, and a few more for each
    row that is no resource.
    """
    changes = plan.of(Verb.CREATE, Verb.UPDATE, Verb.RESTORE)
    before = _locked_resources(changes, lock=lock)
    named = _Named.read(changes)
    rows = Rows()
    registries = (
        {row.host: row for row in Registry.objects.all()} if any(_is_checked(item) for item in changes) else {}
    )
    regions = _regions_of(before)
    stored = _stored_settings(changes, lock=lock)
    for change in changes:
        if _is_checked(change):
            _draft(rows, change, named, before, regions, registries, source)
        else:
            row = _filled(change, stored.get((change.kind, change.name)), named, rows.faults, source)
            named.of[change.kind][change.name] = row
            _check(row, change, rows.faults)
            rows.settings.append((change, row))
            if change.kind is Kind.REGISTRY:
                registries[change.name] = row
    return rows


def faults_of(change: Change, error: ValidationError) -> list[Fault]:
    """Return what a row's validation found, by the fields of the document."""
    assert change.declared is not None  # noqa: S101 - only what is declared is validated
    if not hasattr(error, "error_dict"):
        return [change.declared.fault(" ".join(error.messages))]
    paths = {item.attribute: item.path for item in reversed(KINDS[change.kind].fields)}
    paths |= {named_by(change.kind): "metadata.name", NON_FIELD_ERRORS: ""}
    return [
        change.declared.fault(message, paths.get(attribute, attribute))
        for attribute, messages in error.message_dict.items()
        for message in messages
    ]


def _is_checked(change: Change) -> bool:
    return change.kind in CHECKED


def _locked_resources(changes: Iterable[Change], *, lock: bool) -> Mapping[int, Resource]:
    """Return the resources that change; besides, lock those that take a schedule which changes."""
    keys = [change.stored.key for change in changes if _is_checked(change) and change.stored]
    schedules = [change.stored.key for change in changes if change.kind is Kind.SCHEDULE and change.stored]
    if not keys and not schedules:
        return {}
    if not lock:
        return Resource.objects.select_related("endpoint").in_bulk(keys)
    chosen = Resource.objects.filter(Q(pk__in=keys) | Q(schedule__in=schedules)).order_by("pk")
    list(chosen.select_for_update(no_key=True).values_list("pk", flat=True))
    return Resource.objects.select_related("endpoint").in_bulk(keys)


def _regions_of(resources: Iterable[int]) -> Mapping[int, list[int]]:
    found: dict[int, list[int]] = {}
    between = Resource.regions.through.objects.filter(resource__in=list(resources))
    for resource_id, region_id in between.values_list("resource_id", "region_id"):
        found.setdefault(resource_id, []).append(region_id)
    return found


def _stored_settings(changes: Iterable[Change], *, lock: bool) -> Mapping[tuple[Kind, str], Model]:
    keys: dict[Kind, list[int]] = {}
    for change in changes:
        if change.stored and not _is_checked(change):
            keys.setdefault(change.kind, []).append(change.stored.key)
    found: dict[tuple[Kind, str], Model] = {}
    for kind, ids in keys.items():
        rows = MODELS[kind]._default_manager.order_by("pk")  # noqa: SLF001 - Django's documented API
        rows = rows.select_for_update(no_key=True) if lock else rows
        found |= {(kind, getattr(row, named_by(kind))): row for row in rows.filter(pk__in=ids)}
    return found


@dataclass(slots=True)
class _Named:
    """What documents may name, by kind and stable name: what is stored, and what comes before in the same plan."""

    of: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, changes: Sequence[Change]) -> "_Named":
        wanted: dict[str, set[str]] = {kind: set() for kind in (*KINDS, "Credential", "Region")}
        for change in changes:
            assert change.declared is not None  # noqa: S101 - of what is made or changed
            for item in KINDS[change.kind].fields:
                if item.refers:
                    given: Any = change.declared.values[item.path]
                    wanted[item.refers] |= set(given if isinstance(given, tuple) else [given] if given else [])
        found: dict[str, dict[str, Any]] = {}
        for kind, names in wanted.items():
            rows: Any = MODELS[kind]._default_manager.filter(**{f"{named_by(kind)}__in": names})  # noqa: SLF001 - likewise
            rows = rows.select_related("registry") if kind == "Credential" else rows
            found[kind] = {getattr(row, named_by(kind)): row for row in rows} if names else {}
        return cls(found)


def _filled(change: Change, row: Any, named: _Named, faults: list[Fault], source: Source | None) -> Any:
    """Return the row with all that is declared of it; of what is named and is not there, faults tell."""
    thing = change.declared
    assert thing is not None  # noqa: S101 - likewise
    if row is None:
        row = MODELS[change.kind](**{named_by(change.kind): change.name})
        if _is_checked(change):
            row.kind = _PERSONAL[change.kind]
    for item in KINDS[change.kind].fields:
        if item.path.startswith(_OF_ENDPOINT) or item.shape is Shape.NAMES:
            continue
        value: Any = thing.values[item.path]
        if not item.refers:
            setattr(row, item.attribute, _of_row(row, item, value))
            continue
        other = named.of[item.refers].get(value) if value else None
        if value and other is None:
            faults.append(thing.fault(_unknown(item, value), item.path))
        setattr(row, item.attribute, other)
    row.managed_by = source
    return row


def _of_row(row: Any, item: Field, value: Any) -> Any:
    if item.may_be_null and value is None and not row._meta.get_field(item.attribute).null:  # noqa: SLF001 - likewise
        return ""
    return value if item.shape is Shape.NUMBER else plain(value, item.shape)


def _unknown(item: Field, name: str) -> str:
    return f"There is no {item.refers} {name!r}, neither stored nor declared."


def _check(row: Any, change: Change, faults: list[Fault]) -> None:
    """Look at a row that is no resource, but for what it leads to, which is known to be there."""
    led_to = {item.attribute for item in KINDS[change.kind].fields if item.refers} | {"managed_by"}
    try:
        row.full_clean(exclude=led_to)
    except ValidationError as error:
        faults += faults_of(change, error)


def _draft(
    rows: Rows,
    change: Change,
    named: _Named,
    before: Mapping[int, Resource],
    regions: Mapping[int, list[int]],
    registries: Mapping[str, Registry],
    source: Source | None,
) -> None:
    thing = change.declared
    assert thing is not None  # noqa: S101 - likewise
    known = before.get(change.stored.key) if change.stored else None
    if change.stored and known is None:
        rows.faults.append(thing.fault("It has been deleted meanwhile. Apply again."))
        return
    found = len(rows.faults)
    row = _filled(change, copy.copy(known) if known else None, named, rows.faults, source)
    draft = Draft(row=row, before=known, regions=_regions(change, named, rows.faults))
    draft.regions_before = regions.get(row.pk, ())
    if change.kind is Kind.ENDPOINT:
        draft.endpoint = _endpoint(change, known)
        draft.asks_otherwise = any(item.path.startswith(_OF_ENDPOINT) for item in change.differences)
    try:
        resource_batches.check(draft, registries)
        resources.refuse_closed_target(row, registries.get(resources.host_of(row)))
    except ValidationError as error:
        rows.faults += faults_of(change, error)
    if len(rows.faults) == found:
        (rows.changed if known else rows.new).append(draft)


def _regions(change: Change, named: _Named, faults: list[Fault]) -> list[Region]:
    assert change.declared is not None  # noqa: S101 - likewise
    found = []
    item = KINDS[change.kind].by_path["regions"]
    given: Any = change.declared.values[item.path]
    for name in given:
        region = named.of[item.refers].get(name)
        if region is None:
            faults.append(change.declared.fault(_unknown(item, name), item.path))
        else:
            found.append(region)
    return found


def _endpoint(change: Change, known: Resource | None) -> Endpoint:
    assert change.declared is not None  # noqa: S101 - likewise
    detail = copy.copy(getattr(known, "endpoint", None)) or Endpoint()
    for item in KINDS[change.kind].fields:
        if item.path.startswith(_OF_ENDPOINT):
            setattr(detail, item.attribute, plain(change.declared.values[item.path], item.shape))
    return detail
