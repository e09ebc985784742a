from django.contrib import admin

from probes.admin import display
from probes.admin.ledger import LedgerAdmin
from probes.models import MessageRefusal


@admin.register(MessageRefusal)
class MessageRefusalAdmin(LedgerAdmin):
    list_display = (
        "queue",
        "cause",
        "count",
        "last_seen_ago",
        "first_seen_ago",
        "last_detail",
    )
    list_filter = ("queue", "cause")
    sortable_by = ()
    fields = (
        "queue",
        "cause",
        "count",
        "first_seen_at",
        "last_seen_at",
        "last_detail",
    )

    last_seen_ago = display.ago("last_seen_at", "last seen")
    first_seen_ago = display.ago("first_seen_at", "first seen")
    first_seen_at = display.at("first_seen_at", "first seen")
    last_seen_at = display.at("last_seen_at", "last seen")
