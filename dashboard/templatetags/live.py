"""Where an open page hears of changes."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.conf import settings
from django.urls import reverse

from dashboard.live import hub as hubs
from dashboard.live.handover import OFFER

register = template.Library()

_MADE_WITHIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Ear:
    """Where events come from, and from which position on the page may have missed some; empty where they do not."""

    url: str = ""
    position: str = ""


@register.simple_tag(takes_context=True)
def ear(context: Any) -> Ear:
    """Return where a page hears of changes: nowhere unless this server can hold its connection."""
    request = context.get("request")
    if request is None or not (request.META.get(OFFER) and settings.KAIROS_LIVE_STREAMS):
        return Ear()
    hub = hubs.running()
    # What the page shows was read within that time.
    return Ear(reverse("dashboard:live-events"), hub.position_before(_MADE_WITHIN_SECONDS) if hub else "")
