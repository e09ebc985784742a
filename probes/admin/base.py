from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest


class KairosAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """The base of every page: our style sheet, and no counts beside filters."""

    show_facets = admin.ShowFacets.NEVER

    class Media:
        css: ClassVar = {"all": ["probes/admin.css"]}


def log_change(request: HttpRequest, chosen: QuerySet[Any], message: str) -> None:
    """Note what was ordered in the history of each object."""
    user_id: Any = request.user.pk
    LogEntry.objects.log_actions(user_id, chosen, CHANGE, change_message=message)
