"""The status page, its history, its summary for programs and its widget: selector → words → template."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.status import answers
from dashboard.status.audience import audience_of
from dashboard.status.board import Board
from dashboard.status.feeds import KINDS, feed
from dashboard.status.happenings import by_day, uid_of
from dashboard.status.months import Month
from dashboard.status.public_words import LONGEST_NAME
from dashboard.status.reading import Reader
from dashboard.status.summary import summary
from dashboard.words import shown
from probes.models import StatusPage
from probes.policy.names import is_stable_name
from probes.policy.publishing import EVERYBODY, Audience
from probes.selectors import status_pages

MAY_CHANGE = "probes.change_statuspage"


@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponseBase:
    """A status page. Eighteen queries at most for everybody, three more for who has logged in."""
    audience = audience_of(request)
    found = _board(slug, audience)
    if found is None:
        return answers.missing(request)
    shown, board = found
    context = {"board": board, "page": shown, "is_listed": not audience.is_signed_in}
    return answers.for_audience(request, render(request, "dashboard/status/page.html", context), audience)


@require_safe
def history(request: HttpRequest, slug: str) -> HttpResponseBase:
    """What happened in a month (`month`, 2026-11). Six queries at most."""
    audience, now = audience_of(request), timezone.now()
    found = _page(slug, audience)
    month = Month.read(request.GET.get("month", ""), now=now)
    if found is None or month is None:
        return answers.missing(request)
    items, is_cut = Reader.of(found, audience, now).of_month(month.interval)
    context = {
        "page": found,
        "title": shown(found.title, LONGEST_NAME),
        "month": month,
        "earlier": month.before(now=now),
        "later": month.after(now=now),
        "days": by_day(items),
        "is_cut": is_cut,
    }
    return answers.for_audience(request, render(request, "dashboard/status/history.html", context), audience)


@require_safe
def summary_json(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The page for programs. As many queries as the page."""
    audience = audience_of(request)
    found = _board(slug, audience)
    return (
        answers.for_audience(request, JsonResponse(summary(found[1])), audience)
        if found
        else answers.missing(request)
    )


@require_safe
def feed_of(request: HttpRequest, slug: str, kind: str) -> HttpResponseBase:
    """What happened, as a feed. Six queries at most."""
    audience, now = audience_of(request), timezone.now()
    found = _page(slug, audience)
    if found is None:
        return answers.missing(request)
    writer = KINDS[kind]
    text = feed(
        writer,
        title=shown(found.title, LONGEST_NAME),
        page_url=request.build_absolute_uri(reverse("dashboard:status", args=[slug])),
        feed_url=request.build_absolute_uri(request.path),
        uid=f"urn:uuid:{uid_of(found, 'page')}",
        items=Reader.of(found, audience, now).latest(),
        now=now,
    )
    return answers.for_audience(request, HttpResponse(text, content_type=writer.content_type), audience)


@require_safe
def widget(request: HttpRequest, slug: str) -> HttpResponseBase:
    """What everybody is shown in few words, for a frame. Six queries at most; whoever asks is not looked at."""
    found = _page(slug, EVERYBODY)
    if found is None:
        return answers.missing(request)
    board = Reader.of(found, EVERYBODY, timezone.now()).brief()
    body = render(request, "dashboard/status/widget.html", {"board": board}).content.decode()
    response = answers.for_everybody(request, body, "text/html; charset=utf-8")
    return answers.framed_by(response, found.frame_origins)


@require_safe
def preview(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The page as everybody would see it, or (`as=signed_in`) who has logged in, for those who may change it."""
    may_look = request.user.is_authenticated and request.user.has_perm(MAY_CHANGE)
    found = status_pages.page_for_its_owner(slug) if may_look and is_stable_name(slug) else None
    if found is None:
        return answers.missing(request)
    audience = audience_of(request) if request.GET.get("as") == "signed_in" else EVERYBODY
    context = {
        "board": Reader.of(found, audience, timezone.now()).board(),
        "page": found,
        "audience": audience,
        "is_preview": True,
    }
    response = render(request, "dashboard/status/page.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


def _board(slug: str, audience: Audience) -> tuple[StatusPage, Board] | None:
    """Return a page with what it shows; None where it is not there for that audience."""
    found = _page(slug, audience)
    return (found, Reader.of(found, audience, timezone.now()).board()) if found else None


def _page(slug: str, audience: Audience) -> StatusPage | None:
    return status_pages.page_of(slug, audience) if is_stable_name(slug) else None
