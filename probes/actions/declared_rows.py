"""From what is declared to rows that can be stored: filled, led to what they name, and checked."""

import copy
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import Q

from probes.actions import declared_settings, resource_batches, resources
from probes.actions.declared_secrets import Secrets
from probes.actions.declared_settings import faults_of
from probes.actions.resource_batches import Draft
from probes.models import Endpoint, Registry, Resource, ResourceKind, Source
from probes.policy.declared.fields import Field, plain, typed
from probes.policy.declared.kinds import CHECKED, KINDS, Kind
from probes.policy.declared.planning import Change, Plan, Verb, settled
from probes.policy.declared.reading import Fault
from probes.selectors.declared import MODELS, named_by

_OF_ENDPOINT: Final = "endpoint."
_GONE: Final = (Verb.STALE, Verb.RETIRE)
_PERSONAL: Final = {Kind.IMAGE: ResourceKind.IMAGE, Kind.ENDPOINT: ResourceKind.ENDPOINT}


@dataclass(slots=True)
class Rows:
    """What is to be stored, in order, and what is wrong with it."""

    settings: list[tuple[Change, Any]] = field(default_factory=list)
    new: list[Draft] = field(default_factory=list)
    changed: list[Draft] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    left_alone: set[int] = field(default_factory=set)

    def settle(self, plan: Plan) -> Plan:
        """Leave out resources that turn out to be as they are stored: they were checked as if they were not.

        Returns the plan without those that were missing, and that somebody else has deleted, retired or taken over
        since it was made.
        """
        left = {change.stored.key for change in settled(plan).changes if _is_checked(change) and change.stored}
        self.changed = [draft for draft in self.changed if draft.row.pk in left]
        if not self.left_alone:
            return plan
        changes = (
            change
            for change in plan.changes
            if change.verb not in _GONE or change.stored is None or change.stored.key not in self.left_alone
        )
        return replace(plan, changes=tuple(changes))


def rows_of(plan: Plan, source: Source | None, secrets: Secrets, *, now: datetime, lock: bool) -> Rows:
    """Return the rows of all that is made and changed. With `lock`, those that are there are locked, in one order.

    Resources before all else, as by whoever changes one. A handful of queries for each kind, and a few more for each
    row that is no resource.
    """
    changes = plan.of(Verb.CREATE, Verb.UPDATE, Verb.RESTORE)
    gone = {change.stored.key for change in plan.of(*_GONE) if change.stored}
    if lock:
        ours = _lock_resources(changes, gone, source)
    before = _resources_of(changes)
    named = _Named.read(changes)
    rows = Rows(left_alone=gone - ours if lock else set())
    registries = (
        {row.host: row for row in Registry.objects.all()} if any(_is_checked(item) for item in changes) else {}
    )
    regions = _regions_of(before)
    stored = _stored_settings(changes, lock=lock)
    for change in changes:
        if _is_checked(change):
            _draft(rows, change, named, before, regions, registries, source)
        elif change.kind is Kind.REGION and change.stored is None:
            rows.faults.append(declared_settings.unknown_region(change))
        else:
            known = stored.get((change.kind, change.name))
            if known and (fault := _taken_over(change, known)):
                rows.faults.append(fault)
                continue
            row = _filled(change, known, named, rows.faults, source)
            named.of[change.kind][change.name] = row
            for item in KINDS[change.kind].fields:
                if item.leads_to_many:
                    _led_to(change, item, named, rows.faults)
            is_wrong = (change.kind, change.name) in secrets.wrong
            secret = None if is_wrong else secrets.to_store(change.kind, change.name)
            rows.faults += declared_settings.check(row, change, secret, now=now)
            rows.settings.append((change, row))
            if change.kind is Kind.REGISTRY:
                registries[change.name] = row
    return rows


def _is_checked(change: Change) -> bool:
    return change.kind in CHECKED


def _lock_resources(changes: Iterable[Change], gone: Collection[int], source: Source | None) -> set[int]:
    """Lock the resources that change, those that are missing, and those that take a schedule which changes.

    Returns those that are the source's by now, and not retired.
    """
    keys = [change.stored.key for change in changes if _is_checked(change) and change.stored]
    schedules = [change.stored.key for change in changes if change.kind is Kind.SCHEDULE and change.stored]
    if not keys and not gone and not schedules:
        return set()
    chosen = Resource.objects.filter(Q(pk__in=[*keys, *gone]) | Q(schedule__in=schedules)).order_by("pk")
    held = chosen.select_for_update(no_key=True).values_list("pk", "managed_by", "retired_at")
    return {key for key, owner, retired_at in held if source and owner == source.pk and retired_at is None}


def _resources_of(changes: Iterable[Change]) -> Mapping[int, Resource]:
    keys = [change.stored.key for change in changes if _is_checked(change) and change.stored]
    return Resource.objects.select_related("endpoint", "managed_by").in_bulk(keys) if keys else {}


def _regions_of(resources: Iterable[int]) -> Mapping[int, list[int]]:
    found: dict[int, list[int]] = {}
    between = Resource.regions.through.objects.filter(resource__in=list(resources))
    for resource_id, region_id in between.values_list("resource_id", "region_id"):
        found.setdefault(resource_id, []).append(region_id)
    return found


def _stored_settings(changes: Iterable[Change], *, lock: bool) -> Mapping[tuple[Kind, str], Any]:
    keys: dict[Kind, list[int]] = {}
    for change in changes:
        if change.stored and not _is_checked(change):
            keys.setdefault(change.kind, []).append(change.stored.key)
    found: dict[tuple[Kind, str], Any] = {}
    for kind, ids in keys.items():
        rows = MODELS[kind]._default_manager.select_related("managed_by").order_by("pk")  # noqa: SLF001 - Django's documented API
        rows = rows.select_for_update(no_key=True, of=("self",)) if lock else rows
        found |= {(kind, getattr(row, named_by(kind))): row for row in rows.filter(pk__in=ids)}
    return found


@dataclass(slots=True)
class _Named:
    """What documents may name, by kind and stable name: what is stored, and what comes before in the same plan."""

    of: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, changes: Sequence[Change]) -> "_Named":
        wanted: dict[str, set[str]] = {kind: set() for kind in KINDS}
        for change in changes:
            for item in KINDS[change.kind].fields:
                if item.refers:
                    given: Any = change.wanted.values[item.path]
                    wanted[item.refers] |= set(given if isinstance(given, tuple) else [given] if given else [])
        found: dict[str, dict[str, Any]] = {}
        for kind, names in wanted.items():
            rows: Any = MODELS[kind]._default_manager.filter(**{f"{named_by(kind)}__in": names})  # noqa: SLF001 - likewise
            rows = rows.select_related("registry") if kind == Kind.CREDENTIAL else rows
            found[kind] = {getattr(row, named_by(kind)): row for row in rows} if names else {}
        return cls(found)


def _filled(change: Change, row: Any, named: _Named, faults: list[Fault], source: Source | None) -> Any:
    """Return the row with all that is declared of it; of what is named and is not there, faults tell."""
    thing = change.wanted
    if row is None:
        row = MODELS[change.kind](**{named_by(change.kind): change.name})
        if _is_checked(change):
            row.kind = _PERSONAL[change.kind]
    for item in KINDS[change.kind].fields:
        if item.path.startswith(_OF_ENDPOINT) or item.leads_to_many or item.is_secret:
            continue
        value: Any = thing.values[item.path]
        if item.is_kept and value == item.default:
            continue
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
    return typed(value, item.shape)


def _unknown(item: Field, name: str) -> str:
    what = "Image or Endpoint" if item.refers in CHECKED else item.refers
    return f"There is no {what} {name!r}, neither stored nor declared."


def _draft(
    rows: Rows,
    change: Change,
    named: _Named,
    before: Mapping[int, Resource],
    regions: Mapping[int, list[int]],
    registries: Mapping[str, Registry],
    source: Source | None,
) -> None:
    thing = change.wanted
    known = before.get(change.stored.key) if change.stored else None
    if change.stored and known is None:
        rows.faults.append(thing.fault("It has been deleted meanwhile. Apply again."))
        return
    if known and (fault := _taken_over(change, known)):
        rows.faults.append(fault)
        return
    found = len(rows.faults)
    row = _filled(change, copy.copy(known) if known else None, named, rows.faults, source)
    named.of[Kind.IMAGE][change.name] = row
    chosen = _led_to(change, KINDS[change.kind].by_path["regions"], named, rows.faults)
    draft = Draft(row=row, before=known, regions=chosen)
    draft.regions_before = regions.get(row.pk, ())
    if change.kind is Kind.ENDPOINT:
        draft.endpoint = _endpoint(change, known)
        draft.asks_otherwise = any(
            item.path.startswith(_OF_ENDPOINT) and item.before != item.after for item in change.differences
        )
    try:
        resource_batches.check(draft, registries)
        resources.refuse_closed_target(row, registries.get(resources.host_of(row)))
    except ValidationError as error:
        rows.faults += faults_of(change, error)
    if len(rows.faults) == found:
        (rows.changed if known else rows.new).append(draft)


def _taken_over(change: Change, row: Any) -> Fault | None:
    """Return what is wrong where another manages a row by now than when it was planned what becomes of it."""
    owner = row.managed_by.slug if row.managed_by else ""
    if change.stored is None or owner == change.stored.managed_by:
        return None
    return change.wanted.fault("Somebody else has taken it over meanwhile. Apply again.")


def _led_to(change: Change, item: Field, named: _Named, faults: list[Fault]) -> list[Any]:
    """Return the rows that a field names; of those that are not there, faults tell."""
    found = []
    given: Any = change.wanted.values[item.path]
    for name in given:
        other = named.of[item.refers].get(name)
        if other is None:
            faults.append(change.wanted.fault(_unknown(item, name), item.path))
        else:
            found.append(other)
    return found


def _endpoint(change: Change, known: Resource | None) -> Endpoint:
    detail = copy.copy(getattr(known, "endpoint", None)) or Endpoint()
    for item in KINDS[change.kind].fields:
        if item.path.startswith(_OF_ENDPOINT):
            setattr(detail, item.attribute, plain(change.wanted.values[item.path], item.shape))
    return detail
