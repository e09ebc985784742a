"""Badges of what everybody may see. Who asks is not looked at; what is hidden is as if it were not there."""

from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard import words
from dashboard.status import answers, badges
from dashboard.status.public_words import SHOWN, STANDINGS
from probes.models import Resource, StatusGroup
from probes.policy.names import is_stable_name
from probes.policy.publishing import standing_of
from probes.policy.uptime import Tally
from probes.selectors import maintenance, status_pages

DAY: Final = "24h"
DAYS: Final = {"7d": 7, "30d": 30, "90d": 90}
_SVG: Final = "image/svg+xml"


@require_safe
def state(request: HttpRequest, slug: str) -> HttpResponseBase:
    """How a group or an image stands. Five queries at most; two where there is none."""
    found, now = _found(slug), timezone.now()
    if found is None:
        return _missing(request)
    if isinstance(found, StatusGroup):
        said = STANDINGS[standing_of(status_pages.standings([found], maintenance.on(now), now=now)[found.group_id])]
        drawn = badges.badge(found.public_name, said.label.lower(), said.look)
    else:
        look, label = SHOWN[status_pages.shown_of(found, now=now)]
        drawn = badges.badge(_name(found), label.lower(), look)
    return answers.for_everybody(request, drawn, _SVG)


@require_safe
def uptime(request: HttpRequest, slug: str) -> HttpResponseBase:
    """For which share of a `window` it was available: 24h, or 7d, 30d or 90d with today included. As many."""
    found, window, now = _found(slug), request.GET.get("window", "30d"), timezone.now()
    if found is None or not (window == DAY or window in DAYS):
        return _missing(request)
    if window == DAY:
        span = status_pages.rolled_up_hours(hours=24, now=now)
    else:
        span = status_pages.rolled_up(days=DAYS[window], now=now)
    if isinstance(found, StatusGroup):
        key, name = found.group_id, found.public_name
        record = status_pages.record_of_groups([key], span)
    else:
        key, name = found.pk, _name(found)
        record = status_pages.record_of_images([key], span)
    seconds = sum((day.seconds for day in record.days.get(key, ())), Tally())
    said = words.percent(seconds.up, seconds.counted) if seconds.counted else "no data"
    look = badges.look_of_share(seconds.up, seconds.counted)
    return answers.for_everybody(request, badges.badge(f"{name}, {window[:-1]} {window[-1]}", said, look), _SVG)


def _found(slug: str) -> StatusGroup | Resource | None:
    if not is_stable_name(slug):
        return None
    return status_pages.badge_of_group(slug) or status_pages.badge_of_image(slug)


def _name(image: Resource) -> str:
    return image.name or image.shown_reference


def _missing(request: HttpRequest) -> HttpResponseBase:
    return answers.for_everybody(request, badges.missing(), _SVG, status=404)
