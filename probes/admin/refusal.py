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
        "last_seen_age",
        "first_seen_age",
        "last_detail",
    )
    list_filter = ("queue", "cause")
    sortable_by = ()
    fields = (
        "queue",
        "cause",
        "count",
        "first_seen_stamp",
        "last_seen_stamp",
        "last_detail",
    )

    last_seen_age = display.ago("last_seen_at", "last seen")
    first_seen_age = display.ago("first_seen_at", "first seen")
    first_seen_stamp = display.at("first_seen_at", "first seen")
    last_seen_stamp = display.at("last_seen_at", "last seen")
