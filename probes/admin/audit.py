"""The audit log: who changed what. For administrators."""

from collections.abc import Sequence
from typing import Any, Final

from django.apps import apps
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from probes.admin import display
from probes.admin.base import is_administrator
from probes.admin.changes import table
from probes.admin.ledger import LedgerAdmin
from probes.models import AuditEntry
from probes.models.audited import kinds
from probes.selectors import audit

_MOST_FIELDS: Final = 5


class ModelFilter(admin.SimpleListFilter):
    """What kind of row was changed."""

    title = "what"
    parameter_name = "kind"

    def lookups(self, _request: HttpRequest, _admin: Any) -> Sequence[tuple[str, str]]:
        return [(label, _noun(label)) for label in kinds()]

    def queryset(self, _request: HttpRequest, rows: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return rows.filter(model=self.value()) if self.value() in kinds() else rows


class ObjectFilter(admin.SimpleListFilter):
    """One row, as `probes.resource:12`: shown only where a link has chosen it."""

    title = "object"
    parameter_name = "object"

    def lookups(self, _request: HttpRequest, _admin: Any) -> Sequence[tuple[str, str]]:
        chosen = self.used_parameters.get(self.parameter_name)
        return [(str(self.value()), str(self.value()))] if chosen else []

    def queryset(self, _request: HttpRequest, rows: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        model, _, key = str(self.value() or "").replace("\0", "").partition(":")
        return rows.filter(model=model, object_pk=key) if self.value() else rows


@admin.register(AuditEntry)
class AuditEntryAdmin(LedgerAdmin):
    list_display = ("at_age", "who", "way", "action", "what", "object_name", "fields_changed")
    list_filter = ("action", "via", ModelFilter, ObjectFilter)
    search_fields = ("object_name", "actor", "request_id")
    search_help_text = "The whole name of an object or of who did it, or the id of a request."
    sortable_by = ()
    empty_hint = "Nothing has been changed since changes are written down."
    fieldsets = (
        (None, {"fields": ("at_stamp", ("action", "what"), ("object_name", "object_pk"))}),
        ("Before and after", {"fields": ("changes_shown",), "classes": ("kairos-whole-width",)}),
        ("Who, and from where", {"fields": (("who", "way"), ("address", "path"), ("request_id", "txid"))}),
    )

    at_age = display.ago("at")
    at_stamp = display.at("at")

    def get_queryset(self, _request: HttpRequest) -> QuerySet[AuditEntry]:
        return audit.entries()

    def get_search_results(
        self, _request: HttpRequest, rows: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        term = search_term.strip().replace("\0", "")
        if term:
            rows = rows.filter(Q(object_name=term) | Q(actor=term) | Q(request_id=term))
        return rows, False

    def has_view_permission(self, request: HttpRequest, _entry: Model | None = None) -> bool:
        return is_administrator(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_administrator(request)

    @admin.display(description="who")
    def who(self, entry: AuditEntry) -> SafeString | str:
        if not entry.token_name:
            return entry.actor
        return format_html('{} <span class="quiet">by token {}</span>', entry.actor, entry.token_name)

    @admin.display(description="by way of")
    def way(self, entry: AuditEntry) -> str:
        return entry.via

    @admin.display(description="what")
    def what(self, entry: AuditEntry) -> str:
        return _noun(entry.model)

    @admin.display(description="fields")
    def fields_changed(self, entry: AuditEntry) -> str:
        return told(entry)

    @admin.display(description="before and after")
    def changes_shown(self, entry: AuditEntry) -> SafeString:
        return table(entry)


def told(entry: AuditEntry) -> str:
    """Return in one line which fields an entry is about."""
    names = sorted(entry.changes)
    more = f" and {len(names) - _MOST_FIELDS} more" if len(names) > _MOST_FIELDS else ""
    return ", ".join(names[:_MOST_FIELDS]) + more


def _noun(label: str) -> str:
    """Return what people call rows of a model."""
    try:
        return str(apps.get_model(label)._meta.verbose_name)  # noqa: SLF001 - Django's documented API
    except LookupError:  # of an earlier version
        return label
