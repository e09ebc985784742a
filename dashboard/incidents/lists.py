"""The lists of incidents: open ones and past ones, narrowed by what is asked for, and by days of a month."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard import incident_words, words
from dashboard.access import reach_of, readers_only
from dashboard.incidents import calendar
from dashboard.narrowing import Asked, labelled, with_query
from dashboard.rhythm import RHYTHM
from dashboard.subjects import group_of, region_of, registry_of
from probes.policy.access import Reach
from probes.policy.incidents import Level
from probes.policy.intervals import Interval
from probes.policy.terms import Severity
from probes.protocol.taxonomy import Reason, Status
from probes.selectors import incident_lists
from probes.selectors.incident_lists import Wanted

ROWS_A_PAGE: Final = 50
_INSTANT: Final = timedelta(microseconds=1)
_STATES: Final = {"open": "Open", "over": "Over"}
_REASONS: Final = {
    reason.value: words.reason(reason)
    for reason in sorted(Reason, key=words.reason)
    if reason.status in (Status.UNAVAILABLE, Status.DEGRADED)
}


@require_safe
@never_cache
@readers_only
def incidents(request: HttpRequest, template: str) -> HttpResponse:
    """Incidents, the open ones before the others. Eight queries, and three more for names and a text."""
    now = timezone.now()
    reach = reach_of(request)
    asked = Asked(reverse("dashboard:incidents"), request.GET)
    state, wanted = _wanted(asked, reach)
    after = asked.place()
    form = asked.form()
    parts: dict[str, Any] = {}
    if not form.complaints:
        # What is open is few, and stands above all that was: on the first page, or on pages of its own.
        if state == "open" or (not state and after is None):
            parts["open"] = incident_lists.listed(wanted.that_are(is_open=True), reach, after=after, most=ROWS_A_PAGE)
        if state != "open":
            parts["over"] = incident_lists.listed(
                wanted.that_are(is_open=False), reach, after=after, most=ROWS_A_PAGE
            )
    lines = {name: incident_words.lines(part.rows, now) for name, part in parts.items()}
    shown = parts.get("open" if state == "open" else "over")
    more_open = "open" in parts and parts["open"].last is not None and not state
    return render(
        request,
        template,
        {
            **RHYTHM,
            "fragment": "dashboard/incidents/list_fragment.html",
            "live_url": with_query(
                reverse("dashboard:incidents-live"), {**asked.in_force, "after": str(after or "")}
            ),
            "topics": "incidents",
            "title": "Incidents · Kairos",
            "now": now,
            "form": form,
            "state": state,
            "is_first": after is None,
            "open": lines.get("open", []),
            "over": lines.get("over", []),
            "all_open_url": asked.url({**asked.in_force, "state": "open"}) if more_open else "",
            "next_url": asked.at(shown.last) if shown else "",
            "first_url": asked.url(asked.in_force) if after else "",
            "calendar_url": with_query(
                reverse("dashboard:incident-calendar"), {**asked.in_force, "since": "", "until": ""}
            ),
        },
    )


@require_safe
@never_cache
@readers_only
def month(request: HttpRequest) -> HttpResponse:
    """How many incidents were open on each day of a month. Four queries, and three more for names and a text."""
    now = timezone.now()
    reach = reach_of(request)
    asked = Asked(reverse("dashboard:incident-calendar"), request.GET)
    first = calendar.first_of(request.GET.get("month", "").strip(), now)
    if first is None:
        asked.complaints.append("Month: write one that has been, such as 2026-11.")
    state, wanted = _wanted(asked, reach, has_times=False)
    form = asked.form(kept=["month"])
    shown, listed = None, reverse("dashboard:incidents")
    if first is not None and not form.complaints:
        wanted = wanted.that_are(is_open=state == "open") if state else wanted
        counted = _by_day(wanted, first, now, reach)
        shown = calendar.month(
            first,
            counted,
            now,
            list_url=lambda since, until: with_query(listed, {**asked.in_force, "since": since, "until": until}),
        )

    def beside(value: str) -> str:
        return asked.url({**asked.in_force, "month": value}) if value else ""

    return render(
        request,
        "dashboard/incidents/calendar.html",
        {
            "form": form,
            "month": shown,
            "weekdays": calendar.WEEKDAYS,
            "list_url": with_query(listed, asked.in_force),
            "previous_url": beside(shown.previous) if shown else "",
            "following_url": beside(shown.following) if shown else "",
        },
    )


def _by_day(wanted: Wanted, first: date, now: datetime, reach: Reach) -> Mapping[date, incident_lists.Day]:
    """Return what was open on the days of a month so far."""
    month = incident_lists.month(first)
    return incident_lists.by_day(wanted, Interval(month.start, min(month.end, now + _INSTANT)), reach)


def _wanted(asked: Asked, reach: Reach, *, has_times: bool = True) -> tuple[str, Wanted]:
    """Return the state that is asked for, empty for any, and what else lists of incidents are narrowed by."""
    text = asked.text("find", "Find", hint="Name, reference or host")
    state = asked.choice("state", "State", _STATES, any_label="Open and over")
    level = asked.choice("level", "Level", labelled(reversed(Level)))
    severity = asked.choice("severity", "Severity", labelled(Severity))
    registry = registry_of(asked, reach)
    group = group_of(asked, reach)
    region = region_of(asked, reach)
    reason = asked.choice("reason", "Reason", _REASONS)
    return state, Wanted(
        level=level,
        severity=severity,
        reason=reason,
        registry_id=registry.pk if registry else None,
        group_id=group.pk if group else None,
        region=region.slug if region else "",
        text=text,
        opened=asked.times("Opened") if has_times else None,
    )
