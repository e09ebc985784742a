"""Storing many resources at once: what `resources.save` does with each, in a few statements for a thousand."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from probes.actions import resources
from probes.models import Endpoint, Region, Registry, Resource, Verdict
from probes.models.terms import TERM_FIELDS
from probes.policy import slots
from probes.protocol.reference import ReferenceInvalid
from probes.protocol.urls import UrlRefused

AT_ONCE: Final = 1000
_FOLLOWS: Final = ("registry", "repository", "tag", "digest")
_LED_TO: Final = ("credential", "group", "policy", "schedule", "managed_by")
_WRITTEN: Final = (
    "slug",
    "name",
    "reference",
    *_FOLLOWS,
    "reference_since",
    "platforms",
    "strict_platform",
    "interval_seconds",
    "labels",
    "depth",
    "manifest_cadence_seconds",
    "blobs_cadence_seconds",
    "sample_blobs",
    "check_tag",
    "is_tag_immutable",
    *_LED_TO,
    *TERM_FIELDS,
    "spacing_seconds",
    "turn",
    "next_due_at",
    "updated_at",
)
"""The columns that a change writes."""

Progress = Callable[[int, int], None]
"""Is told how many are done, and of how many."""


@dataclass(slots=True)
class Draft:
    """A resource as it is to be. `before` is the row as it is, locked; None of a new one.

    `regions` None leaves them; `regions_before` are those that it has. `asks_otherwise` says that the endpoint's
    detail differs.
    """

    row: Resource
    endpoint: Endpoint | None = None
    before: Resource | None = None
    regions: Collection[Region] | None = None
    regions_before: Collection[int] = ()
    asks_otherwise: bool = False

    @property
    def has_other_regions(self) -> bool:
        return self.regions is not None and {region.pk for region in self.regions} != set(self.regions_before)

    @property
    def is_judged_anew(self) -> bool:
        """Tell whether its verdict is touched: other regions have a say, on other terms, or of something else."""
        row, before = self.row, self.before
        assert before is not None  # noqa: S101 - a change is of something
        is_led_elsewhere = any(
            (other := getattr(row, name)) is not None and other.pk is None  # which is stored before the row is
            for name in ("group", "policy")
        )
        return (
            is_led_elsewhere
            or self.has_other_regions
            or before.reference != row.reference
            or resources.terms_of(before) != resources.terms_of(row)
            or resources.is_asked_for_others(before, row)
        )


def check(draft: Draft, registries: Mapping[str, Registry]) -> None:
    """Raise `ValidationError` by field, as `resources.save` would; asks nothing of the database.

    Whatever the row leads to is known to be there, and its name to be free.
    """
    row, detail = draft.row, draft.endpoint
    row.known_registries = registries
    errors = _found(row, {*_FOLLOWS, *_LED_TO})
    if detail is not None:
        detail.resource = row
        errors |= _found(detail, {"resource"})
    if errors:
        raise ValidationError(errors)


def _found(row: Resource | Endpoint, exclude: Collection[str]) -> dict[str, Any]:
    """Return what is wrong with the fields of a row, and between them."""
    errors: dict[str, Any] = {}
    try:
        row.clean_fields(exclude=exclude)
    except ValidationError as error:
        errors = error.update_error_dict(errors)
    try:
        row.clean()
    except ValidationError as error:
        errors = error.update_error_dict(errors)
    return errors


def make_those_that_can_be(drafts: Sequence[Draft], *, now: datetime) -> list[Draft]:
    """Store those of many new resources with which nothing is wrong, and return them, in their order.

    Each is looked at as by whoever adds one by a program; `resources.save` tells what is wrong with the others. Call
    it in a transaction, which is over where the database refuses one of them after all.
    """
    registries = _registries_of(drafts)
    good = []
    for draft in drafts:
        with suppress(ValidationError):
            check(draft, registries)
            resources.refuse_closed_target(draft.row, registries.get(resources.host_of(draft.row)))
            good.append(draft)
    named = {id(row) for row in Resource.name_together([draft.row for draft in good])}
    made = [draft for draft in good if id(draft.row) in named]
    make(made, now=now)
    return made


def _registries_of(drafts: Sequence[Draft]) -> dict[str, Registry]:
    hosts = set()
    for draft in drafts:
        with suppress(ReferenceInvalid, UrlRefused):  # which is told when it is looked at
            hosts.add(resources.host_of(draft.row))
    return {row.host: row for row in Registry.objects.filter(host__in=hosts)}


def make(drafts: Sequence[Draft], *, now: datetime, progress: Progress | None = None) -> None:
    """Store new resources that were checked; make their registries where none are known.

    Call it in a transaction.
    """
    _know_registries(drafts)
    due = slots.whole_second(now)
    for done, batch in _batches(drafts):
        for draft in batch:
            draft.row.follow_schedule(now)
            draft.row.next_due_at = draft.row.reference_since = due
        Resource.objects.bulk_create([draft.row for draft in batch])
        details = [draft.endpoint for draft in batch if draft.endpoint is not None]
        for draft in batch:
            if draft.endpoint is not None:
                draft.endpoint.resource = draft.row  # which has its id only now
        Endpoint.objects.bulk_create(details)
        _add_regions((draft.row.pk, region.pk) for draft in batch for region in draft.regions or ())
        if progress:
            progress(done, len(drafts))


def change(drafts: Sequence[Draft], *, now: datetime, progress: Progress | None = None) -> None:
    """Store resources that were checked and are there, each locked by whoever calls, in a transaction."""
    for draft in drafts:
        _know_what_it_leads_to(draft.row)
    _know_registries([draft for draft in drafts if draft.before and draft.before.reference != draft.row.reference])
    for done, batch in _batches(sorted(drafts, key=lambda draft: draft.row.pk)):
        _change_together(batch, now)
        if progress:
            progress(done, len(drafts))


def _change_together(batch: Sequence[Draft], now: datetime) -> None:
    due, moment = slots.whole_second(now), timezone.now()
    renamed: list[int] = []
    asked_for_others: list[int] = []
    on_other_terms: list[int] = []
    for draft in batch:
        row, before = draft.row, draft.before
        assert before is not None  # noqa: S101 - a change is of something
        row.follow_schedule(now)
        row.updated_at = moment
        is_another, wants_others = resources.names_another(before, row), resources.is_asked_for_others(before, row)
        if is_another:
            row.reference_since = due
            renamed.append(row.pk)
        elif wants_others:
            asked_for_others.append(row.pk)
        is_due = is_another or wants_others or resources.is_rescheduled(before, row)
        if is_due or draft.has_other_regions or draft.asks_otherwise:
            row.next_due_at = due
        if draft.has_other_regions or resources.terms_of(before) != resources.terms_of(row):
            on_other_terms.append(row.pk)
    if renamed:
        resources.forget(renamed, now=now)
    if asked_for_others:
        resources.forget_proofs(asked_for_others, now=now)
    if on_other_terms:
        concerned = Verdict.objects.filter(resource__in=on_other_terms).order_by("pk")
        locked = list(concerned.select_for_update(no_key=True, of=("self",)).values_list("pk", flat=True))
        Verdict.objects.filter(pk__in=locked).update(stale_at=now)
    _write(batch)
    _write_details([draft for draft in batch if draft.asks_otherwise])
    _set_regions([draft for draft in batch if draft.has_other_regions])


def _write_details(batch: Sequence[Draft]) -> None:
    details = []
    for draft in batch:
        if draft.endpoint is not None:
            draft.endpoint.resource = draft.row
            details.append(draft.endpoint)
    fields = [field.name for field in Endpoint._meta.concrete_fields if not field.primary_key]  # noqa: SLF001 - Django's documented API
    if details:
        Endpoint.objects.bulk_create(details, update_conflicts=True, unique_fields=["resource"], update_fields=fields)


def _set_regions(batch: Sequence[Draft]) -> None:
    wanted = {(draft.row.pk, region.pk) for draft in batch for region in draft.regions or ()}
    has = {(draft.row.pk, region_id) for draft in batch for region_id in draft.regions_before}
    left: dict[int, list[int]] = {}
    for resource_id, region_id in has - wanted:
        left.setdefault(region_id, []).append(resource_id)
    for region_id, ids in sorted(left.items()):
        Resource.regions.through.objects.filter(region_id=region_id, resource_id__in=ids).delete()
    _add_regions(sorted(wanted - has))
    if batch:
        resources.forget_left([draft.row.pk for draft in batch])


def _write(batch: Sequence[Draft]) -> None:
    """Write the columns of these rows in one statement. PostgreSQL knows the columns' types."""
    fields: list[Any] = [Resource._meta.get_field(name) for name in _WRITTEN]  # noqa: SLF001 - Django's documented API
    rows = [
        {"id": draft.row.pk} | {field.column: _plain(field, getattr(draft.row, field.attname)) for field in fields}
        for draft in batch
    ]
    columns = ", ".join(f'"{field.column}" = given."{field.column}"' for field in fields)
    table = Resource._meta.db_table  # noqa: SLF001 - likewise
    statement = (
        f'UPDATE "{table}" AS resource SET {columns} '  # noqa: S608 - names of ours
        f'FROM jsonb_populate_recordset(NULL::"{table}", %s::jsonb) AS given WHERE resource.id = given.id'
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [json.dumps(rows, default=_text)])


def _plain(field: Any, value: Any) -> Any:
    return value if field.get_internal_type() in {"JSONField", "ArrayField"} else field.get_prep_value(value)


def _text(value: datetime | Decimal) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _add_regions(pairs: Iterable[tuple[int, int]]) -> None:
    between = Resource.regions.through
    between.objects.bulk_create(
        (between(resource_id=resource_id, region_id=region_id) for resource_id, region_id in pairs),
        batch_size=AT_ONCE,
    )


def _know_what_it_leads_to(row: Resource) -> None:
    """Have a row name what it leads to by the ids that these have by now: some were stored after it was filled."""
    for name in _LED_TO:
        setattr(row, name, getattr(row, name))


def _know_registries(drafts: Sequence[Draft]) -> None:
    """Give each row its registry, made where there is none."""
    if not drafts:
        return
    hosts = {id(draft): resources.host_of(draft.row) for draft in drafts}
    wanted = set(hosts.values())
    known = {row.host: row for row in Registry.objects.filter(host__in=wanted)}
    if missing := sorted(wanted - known.keys()):
        Registry.objects.bulk_create([Registry(host=host) for host in missing], ignore_conflicts=True)
        known = {row.host: row for row in Registry.objects.filter(host__in=wanted)}
    for draft in drafts:
        draft.row.registry = known[hosts[id(draft)]]


def _batches(drafts: Sequence[Draft]) -> Iterator[tuple[int, Sequence[Draft]]]:
    for start in range(0, len(drafts), AT_ONCE):
        batch = drafts[start : start + AT_ONCE]
        yield start + len(batch), batch
