"""What lists are narrowed by. None of these counts, and none asks the big table for its values."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from probes.models import Resource
from probes.policy.verdict import VerdictState

_SPANS: Final = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
}
_LARGEST_ID: Final = 2**63 - 1


class SlotFilter(admin.SimpleListFilter):
    """How far back."""

    title = "slot"
    parameter_name = "within"
    field = "slot"

    def lookups(self, _request: HttpRequest, _admin: Any) -> Sequence[tuple[str, str]]:
        return [(key, title) for key, (title, _) in _SPANS.items()]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        chosen = _SPANS.get(self.value() or "")
        return rows.filter(**{f"{self.field}__gte": timezone.now() - chosen[1]}) if chosen else rows


class LastSlotFilter(SlotFilter):
    field = "last_slot"


class ResourceFilter(admin.SimpleListFilter):
    """One resource: shown only where a link has chosen it, since there may be many thousands."""

    title = "resource"
    parameter_name = "resource"

    def lookups(self, _request: HttpRequest, _admin: Any) -> Sequence[tuple[str, str]]:
        if self.parameter_name not in self.used_parameters:
            return []
        key = self._key()
        chosen = None if key is None else Resource.objects.filter(pk=key).first()
        return [(str(self.value()), str(chosen or "none such"))]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows if self.value() is None else rows.filter(resource=self._key())

    def _key(self) -> int | None:
        value = str(self.used_parameters.get(self.parameter_name, ""))
        is_id = value.isascii() and value.isdigit() and len(value) < 20 and int(value) <= _LARGEST_ID
        return int(value) if is_id else None


class VerdictFilter(admin.SimpleListFilter):
    """What the regions together say; a resource without a verdict is unknown."""

    title = "verdict"
    parameter_name = "verdict"

    def lookups(self, _request: HttpRequest, _admin: Any) -> Sequence[tuple[str, str]]:
        return [(state.value, state.value) for state in VerdictState]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        if not (chosen := self.value()):
            return rows
        wanted = Q(verdict__state=chosen)
        return rows.filter(wanted | Q(verdict=None) if chosen == VerdictState.UNKNOWN else wanted)


class PauseFilter(admin.SimpleListFilter):
    title = "running"
    parameter_name = "schedule"

    def lookups(self, _request: HttpRequest, _admin: Any) -> Sequence[tuple[str, str]]:
        return [("running", "running"), ("paused", "paused")]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return rows.filter(paused_at__isnull=chosen == "running") if chosen in ("running", "paused") else rows


class StalenessFilter(admin.SimpleListFilter):
    """What a source lists no more. What is retired is left out unless it is asked for."""

    title = "listed"
    parameter_name = "listed"

    def lookups(self, _request: HttpRequest, _admin: Any) -> Sequence[tuple[str, str]]:
        return [("stale", "stale"), ("retired", "retired"), ("all", "retired ones too")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        yield {**first, "display": "in use"}
        yield from others

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "stale":
                return rows.filter(stale_at__isnull=False, retired_at=None)
            case "retired":
                return rows.filter(retired_at__isnull=False)
            case "all":
                return rows
            case _:
                return rows.filter(retired_at=None)


class OpenFilter(admin.SimpleListFilter):
    """What is going on, or what is over."""

    title = "state"
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _admin: Any) -> Sequence[tuple[str, str]]:
        return [("open", "Open"), ("resolved", "Resolved")]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return (
            rows.filter(resolved_at__isnull=self.value() == "open") if self.value() in {"open", "resolved"} else rows
        )
