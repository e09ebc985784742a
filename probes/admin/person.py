from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from probes.admin import display
from probes.admin.base import KairosAdmin
from probes.models import ProviderIdentity


@admin.register(ProviderIdentity)
class ProviderIdentityAdmin(KairosAdmin):
    """Who is whom at which provider. To delete one lets its owner come again as somebody new, or not at all."""

    list_display = ("user", "subject", "issuer", "seen")
    search_fields = ("user__username", "subject")
    show_full_result_count = False
    ordering = ("user__username", "pk")
    sortable_by = ()
    fields = ("user", "issuer", "subject", "made", "seen")

    made = display.at("made_at", "first login")
    seen = display.at("seen_at", "last login")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderIdentity]:
        return super().get_queryset(request).select_related("user")

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _row: Any = None) -> bool:
        return False
