from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from probes.admin import display
from probes.admin.filters import ResourceFilter
from probes.admin.ledger import LedgerAdmin
from probes.models import Event, HostCertificate
from probes.policy.happenings import in_words
from probes.policy.terms import Severity
from probes.selectors import events as selectors

_STATES = {Severity.CRITICAL: "unavailable", Severity.WARNING: "degraded"}


@admin.register(Event)
class EventAdmin(LedgerAdmin):
    list_display = ("at_age", "kind", "severity_shown", "about", "text")
    list_filter = ("severity", "kind", ResourceFilter)
    sortable_by = ()
    left_out_of_list = ("facts",)
    fieldsets = (
        (None, {"fields": ("at_stamp", ("kind", "severity_shown"), "about", "region", "text")}),
        ("In detail", {"fields": ("facts_shown", "key")}),
    )

    at_age = display.ago("at")
    at_stamp = display.at("at")

    def get_queryset(self, _request: HttpRequest) -> QuerySet[Event]:
        return selectors.events()

    @admin.display(description="severity")
    def severity_shown(self, event: Event) -> SafeString | str:
        state = _STATES.get(Severity(event.severity))
        return display.badge(state, event.severity) if state else event.severity

    @admin.display(description="about")
    def about(self, event: Event) -> str:
        return event.subject

    @admin.display(description="facts")
    def facts_shown(self, event: Event) -> SafeString | str:
        told = format_html_join("", "<dt>{}</dt><dd>{}</dd>", in_words(event.facts))
        return format_html('<dl class="kairos-facts">{}</dl>', told) if told else display.NOTHING


@admin.register(HostCertificate)
class HostCertificateAdmin(LedgerAdmin):
    """What expires first comes first."""

    list_display = ("host", "registry", "region", "expiry", "issuer", "seen_age")
    list_filter = ("region", "registry")
    ordering = ("not_after", "host", "region__slug")
    sortable_by = ()
    fields = ("host", "registry", "region", "expiry", "issuer", "first_seen_stamp", "seen_stamp")

    seen_age = display.ago("seen_at", "last seen")
    seen_stamp = display.at("seen_at", "last seen")
    first_seen_stamp = display.at("first_seen_at", "first seen")

    def get_queryset(self, _request: HttpRequest) -> QuerySet[HostCertificate]:
        return selectors.certificates()

    @admin.display(description="expires", ordering="not_after")
    def expiry(self, certificate: HostCertificate) -> Any:
        return display.stamped(certificate.not_after)
