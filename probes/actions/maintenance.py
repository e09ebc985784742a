"""Writing down when planned work happens: ahead, and never into the past."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from probes.actions import notices
from probes.models import (
    MaintenanceOccurrence,
    MaintenanceWindow,
    Region,
    Registry,
    Resource,
    ResourceGroup,
    Verdict,
)
from probes.policy.intervals import Interval
from probes.policy.verdict import VerdictState
from probes.selectors.maintenance import Works

HORIZON: Final = timedelta(days=35)
"""So far ahead occurrences are written down; the preview of a window looks as far as it has to."""


_BAD: Final = [state.value for state in VerdictState if state.harm]


NOTHING_CONCERNED: Final = "Choose what is worked on, or from where it is seen."
_WHEN: Final = ("starts_on", "starts_at", "zone", "duration_minutes", "rule")


class NothingConcerned(ValueError):
    """A window must concern something."""


def save(
    window: MaintenanceWindow,
    *,
    resources: Iterable[Resource] = (),
    groups: Iterable[ResourceGroup] = (),
    registries: Iterable[Registry] = (),
    regions: Iterable[Region] = (),
    now: datetime,
) -> MaintenanceWindow:
    """Store a new or changed window with what it concerns, and plan it anew from `now` on.

    Raises `ValidationError` by field, and `NothingConcerned`; then nothing is stored.
    """
    with transaction.atomic():
        window.full_clean()
        window.save()
        window.resources.set(resources)
        window.groups.set(groups)
        window.registries.set(registries)
        window.regions.set(regions)
        targets = _targets(window)
        if not any(targets.values()):
            raise NothingConcerned(NOTHING_CONCERNED)
        window.is_of_everything = not _is_of_something(targets)
        window.is_from_everywhere = not targets["region_ids"]
        plan(window, now=now)
    return window


def refuse_past(window: MaintenanceWindow, *, now: datetime) -> None:
    """Raise `ValidationError` for a new or moved window that is over already: figures of the past do not change."""
    before = MaintenanceWindow.objects.filter(pk=window.pk).values_list(*_WHEN).first()
    if before == tuple(getattr(window, name) for name in _WHEN):
        return
    if not window.upcoming(after=now, count=1):
        raise ValidationError("All of it lies in the past, and the past is not planned.", code="past")


def delete(window_ids: Iterable[int], *, now: datetime) -> None:
    """Delete windows. What is on ends now, what is to come is called off, what is over stays on record."""
    with transaction.atomic():
        windows = MaintenanceWindow.objects.filter(pk__in=list(window_ids))
        _call_off([window.pk for window in windows.order_by("pk").select_for_update()], now=now)
        windows.delete()


def plan(window: MaintenanceWindow, *, now: datetime) -> None:
    """Write down the window's occurrences from `now` on, in place of those that were planned before.

    One that is on ends now; if the window is on as it is planned now, another goes on from here.
    """
    with transaction.atomic():
        MaintenanceWindow.objects.select_for_update().get(pk=window.pk)
        _call_off([window.pk], now=now)
        _write(window, Interval(now, now + HORIZON))


def extend(*, now: datetime) -> int:
    """Plan all windows up to the horizon; returns how many were not planned so far."""
    behind = Q(planned_until=None) | Q(planned_until__lt=now + HORIZON - timedelta(days=1))
    ids = list(MaintenanceWindow.objects.filter(behind).order_by("pk").values_list("pk", flat=True))
    for pk in ids:
        with transaction.atomic():
            window = MaintenanceWindow.objects.select_for_update().filter(pk=pk).first()
            if window is not None:
                _write(window, Interval(max(now, window.planned_until or now), now + HORIZON))
    return len(ids)


def _call_off(windows: Collection[int], *, now: datetime) -> None:
    """Let nothing more of the windows happen.

    What fails is looked at again at once; a region votes again with its next check. What was not to be told before
    the end is judged anew. Of all windows together: verdicts are locked in their order, as by whoever takes in a
    report, and notices after them.
    """
    works = Works.of(windows, now)
    _look_again(works, now=now)
    notices.judge_again({work.ends_at for work in (*works.whole, *works.seen)}, now=now)
    occurrences = MaintenanceOccurrence.objects.filter(window__in=windows)
    occurrences.filter(starts_at__gte=now).delete()
    occurrences.filter(ends_at__gt=now).update(ends_at=now)


def _look_again(works: Works, *, now: datetime) -> None:
    bad = Verdict.objects.filter(resource__in=Resource.objects.filter(works.concerned), state__in=_BAD).order_by("pk")
    ids = list(bad.select_for_update(no_key=True, of=("self",)).values_list("pk", flat=True))
    Verdict.objects.filter(pk__in=ids).update(stale_at=now)


def _write(window: MaintenanceWindow, over: Interval) -> None:
    """Write down what begins in `over`, and the rest of what is on at its start. What is there stays as it is."""
    targets = _targets(window)
    is_of_something = window.is_of_everything or _is_of_something(targets)
    is_seen = window.is_from_everywhere or targets["region_ids"]
    planned = [
        (max(item.start, over.start), item.end) for item in window.window.during(over) if is_of_something and is_seen
    ]
    known = set(
        MaintenanceOccurrence.objects.filter(window=window, ends_at__in=[end for _, end in planned]).values_list(
            "ends_at", flat=True
        )
    )
    MaintenanceOccurrence.objects.bulk_create(
        [
            MaintenanceOccurrence(window=window, name=window.name, starts_at=start, ends_at=end, **targets)
            for start, end in planned
            if end not in known
        ],
        ignore_conflicts=True,
    )
    window.planned_until = over.end
    window.save(update_fields=["planned_until", "is_of_everything", "is_from_everywhere"])


def _is_of_something(targets: Mapping[str, list[int]]) -> bool:
    return any(targets[name] for name in ("resource_ids", "group_ids", "registry_ids"))


def _targets(window: MaintenanceWindow) -> Mapping[str, list[int]]:
    return {
        "resource_ids": sorted(window.resources.values_list("pk", flat=True)),
        "group_ids": sorted(window.groups.values_list("pk", flat=True)),
        "registry_ids": sorted(window.registries.values_list("pk", flat=True)),
        "region_ids": sorted(window.regions.values_list("pk", flat=True)),
    }
