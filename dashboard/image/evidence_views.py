"""Evidence to download: for a ticket to whoever runs the registry."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.access import reach_of, readers_only
from dashboard.cells import look_of, name_of, region_name
from dashboard.image import ladder
from dashboard.image.bundle import Case, Witness, bundle, file_name, readable
from dashboard.image.kept import given, named
from dashboard.image.sentence import of_verdict
from probes.models import RegionState, Resource, Verdict
from probes.selectors import visible
from probes.selectors.outcomes import kept
from probes.selectors.overview import Cell
from probes.selectors.regions import NO_VITALS, Vitals, vitals_of
from probes.selectors.states import cells
from probes.selectors.terms import in_force

_TYPES: Final = {"json": "application/json", "txt": "text/plain; charset=utf-8", "zip": "application/zip"}


@require_safe
@never_cache
@readers_only
def evidence(request: HttpRequest, resource_id: int, form: str) -> HttpResponse:
    """What regions found last, or one of them at a time (`from` and `slot`), as JSON, a text, or both in one file.

    Private addresses are in it with `private=1` alone. Eight queries at most.
    """
    now = timezone.now()
    reach = reach_of(request)
    joined = visible.among(Resource.objects.select_related("registry", "verdict", "endpoint", "group"), reach)
    chosen = get_object_or_404(joined, pk=resource_id)
    found = [cell for cell in cells(chosen, in_force(chosen).terms) if reach.holds_region(cell.region.pk)]
    vitals = vitals_of([cell.region.pk for cell in found])
    witnesses = _of_the_past(request, chosen, found, vitals)
    if witnesses is None:
        witnesses = [_witness(cell, vitals.get(cell.region.pk, NO_VITALS)) for cell in found]
    document = bundle(_case(chosen, witnesses, now), now, keeps_addresses=request.GET.get("private") == "1")
    name = file_name(name_of(chosen), now)
    answer = HttpResponse(_written(document, form, name), content_type=_TYPES[form])
    answer["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return answer


def _case(resource: Resource, witnesses: Sequence[Witness], now: datetime) -> Case:
    verdict: Verdict | None = getattr(resource, "verdict", None)
    outcomes = {witness.slug: witness.outcome for witness in witnesses if witness.outcome is not None}
    return Case(
        name=resource.name,
        reference=resource.canonical,
        kind=resource.kind,
        platforms=[] if resource.is_endpoint else resource.platforms,
        verdict=look_of(resource, verdict, now).value,
        sentence=of_verdict(verdict, outcomes, now) or (verdict.explanation if verdict else ""),
        since=verdict.since if verdict else None,
        witnesses=witnesses,
    )


def _witness(cell: Cell[RegionState], vitals: Vitals) -> Witness:
    state = cell.state
    return Witness(
        slug=cell.region.slug,
        name=region_name(cell.region),
        addresses=_addresses(vitals),
        slot=state.last_slot if state else None,
        checked_at=state.checked_at if state else None,
        since=state.since if state else None,
        outcome=ladder.outcome_of(state.document) if state else None,
    )


def _of_the_past(
    request: HttpRequest, resource: Resource, found: Sequence[Cell[RegionState]], vitals: Mapping[int, Vitals]
) -> list[Witness] | None:
    """Return the outcome that is asked for, with what is known of its region today; None where none is.

    Raises `Http404` where what is asked for names none: what holds today is no evidence of another moment.
    """
    if not any(given(request.GET).values()):
        return None
    which = named(request.GET)
    cell = next((cell for cell in found if which and cell.region.slug == which.region), None)
    if which is None or cell is None:
        raise Http404("`from` is the name of a region that checks this, and `slot` a time with its zone")
    row = kept(resource, which.region, which.slot)
    return [
        Witness(
            slug=which.region,
            name=region_name(cell.region),
            addresses=_addresses(vitals.get(cell.region.pk, NO_VITALS)),
            slot=which.slot,
            checked_at=row.checked_at if row else None,
            since=None,
            outcome=ladder.outcome_of(row.document) if row and row.document else None,
        )
    ]


def _addresses(vitals: Vitals) -> list[str]:
    found = vitals.last_round
    return [address for address in (found.public_address, found.local_address) if address] if found else []


def _written(document: Mapping[str, Any], form: str, name: str) -> bytes:
    whole = json.dumps(document, indent=2, ensure_ascii=False).encode()
    if form == "json":
        return whole
    text = readable(document).encode()
    if form == "txt":
        return text
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.txt", text)
        archive.writestr(f"{name}.json", whole)
    return packed.getvalue()
