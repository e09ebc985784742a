from dataclasses import replace
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from probes.admin import display
from probes.admin.changes import SHORT, lines
from probes.policy.access import ADMINISTER, OPERATE, Access, Need
from probes.selectors import audit
from probes.selectors.access import access_of

MOST_OF_HISTORY: Final = 50
_OPERATE_ALL: Final = replace(OPERATE, over_all=True)


class AuditedHistory(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """The history of an object as the audit log has it, for administrators; and what was noted in the admin."""

    object_history_template = "admin/probes/object_history.html"

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = dict(extra_context or {})
        if is_administrator(request):
            label = self.opts.label_lower
            found = audit.history(label, unquote(object_id))[: MOST_OF_HISTORY + 1]
            told = [(entry, lines(entry, longest=SHORT)) for entry in found]
            context |= {"audit_entries": told, "most": MOST_OF_HISTORY, "audit_object": f"{label}:{object_id}"}
        return super().history_view(request, object_id, context)


class KairosAdmin(AuditedHistory):
    """The base of every page: our style sheet, and no counts beside filters."""

    show_facets = admin.ShowFacets.NEVER
    empty_value_display = display.NOTHING
    change_list_template = "admin/probes/list.html"
    empty_hint = ""
    """What to do where a list has no rows yet, in a sentence."""

    class Media:
        css: ClassVar = {"all": ["probes/admin.css"]}

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "notes":
            options.setdefault("widget", forms.Textarea({"rows": 3, "cols": 70}))
        return super().formfield_for_dbfield(db_field, request, **options)


def is_administrator(request: HttpRequest) -> bool:
    """Tell whether somebody is an admin of everything. Asked of each page many times, and of the database once."""
    return _may(request, ADMINISTER)


def may_operate(request: HttpRequest) -> bool:
    """Tell whether somebody is an operator of everything. Likewise."""
    return _may(request, _OPERATE_ALL)


def _may(request: HttpRequest, need: Need) -> bool:
    asked: Any = request
    if not hasattr(asked, "kairos_access"):
        asked.kairos_access = access_of(asked.user)
    access: Access = asked.kairos_access
    return access.may(need)


def log_change(request: HttpRequest, chosen: QuerySet[Any], message: str) -> None:
    """Note what was ordered in the history of each object."""
    user_id: Any = request.user.pk
    LogEntry.objects.log_actions(user_id, chosen, CHANGE, change_message=message)
