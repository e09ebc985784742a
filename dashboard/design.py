"""The page that shows every part that pages are made of (docs/design.md). It is there with KAIROS_DEBUG alone."""

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.access import readers_only
from dashboard.words import Look

GROUNDS: Final = (
    "page",
    "panel",
    "raised",
    "hatch",
    "line",
    "line-strong",
    "text",
    "muted",
    "link",
    "accent",
    "focus",
)
FILLS: Final = ("available", "degraded", "unavailable", "unknown", "maintenance", "paused", "empty")
STEPS: Final = (1, 2, 3, 4, 6, 8)


@require_safe
@never_cache
@readers_only
def design(request: HttpRequest) -> HttpResponse:
    """Every component with every look. No query but those of the session."""
    if not settings.DEBUG:
        raise Http404("The design is shown with KAIROS_DEBUG alone.")
    now = timezone.now()
    return render(
        request,
        "dashboard/design/page.html",
        {
            "looks": list(Look),
            "grounds": GROUNDS,
            "fills": FILLS,
            "steps": STEPS,
            "now": now,
            "then": now - timedelta(hours=3, minutes=12),
            "due": now + timedelta(minutes=4, seconds=30),
        },
    )
