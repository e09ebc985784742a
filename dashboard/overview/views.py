"""The overview: selectors → what a page says → template. It is served whole, and as the fragment that renews it."""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard import incident_words
from dashboard.access import reach_of, readers_only
from dashboard.cells import region_name
from dashboard.live import hub as hubs
from dashboard.live.kept import Turns, made_once, told_to
from dashboard.live.pieces import Pieces
from dashboard.overview import filters, headline, markup, matrix
from dashboard.overview.asked import Asked, NoSuchChoiceError
from dashboard.overview.measures import histories, measures
from dashboard.overview.sections import ROWS_A_PAGE, Spread, spread
from dashboard.rhythm import RHYTHM
from dashboard.window import PARAMETERS, Window, window_of, written
from dashboard.words import Look
from probes.models import MaintenanceOccurrence, Region, Resource, ResourceKind
from probes.policy.access import Reach
from probes.selectors import bars, choice, latencies, maintenance, order
from probes.selectors import incidents as incident_rows
from probes.selectors import overview as matrix_rows
from probes.selectors.overview import Overview
from probes.selectors.places import Places

OPEN_INCIDENTS: Final = 8
TOPICS: Final = "verdicts incidents resource:* region:*"
MOST_ROWS: Final = 100
"""Of so many rows at most the page may ask anew at once."""

_DIGITS: Final = 19

_pieces: Final = Pieces(1000)
_turns: Final = Turns()


class Listed(NamedTuple):
    """A place of the page: whose row it has, and what that belongs to where rows are put together."""

    pk: int
    owner: int | None


@require_safe
@never_cache
@readers_only
def overview(request: HttpRequest, template: str) -> HttpResponse:
    """What is wrong now, and images by groups and regions, the worst first. Twelve queries at most."""
    now, position = timezone.now(), hubs.position()
    asked, window = _asked(request, now)
    path, reach, work = reverse("dashboard:overview"), reach_of(request), maintenance.on(now)
    # What all pages of this reach have, whatever they show of it.
    counted = made_once(
        request,
        ("census", reach, asked.choice.of_each),
        lambda: choice.census(asked.choice.of_each, work=work, reach=reach),
        position=position,
    )
    wrong_now = made_once(
        request,
        ("wrong now", reach),
        lambda: incident_words.wrong_now(incident_rows.wrong_now(OPEN_INCIDENTS, reach), now),
        position=position,
    )
    columns = matrix_rows.columns(reach)
    laid = spread(
        counted.chosen(asked.choice), by=asked.by, order=asked.order, number=asked.page, columns=len(columns)
    )
    asked = asked.turned(page=laid.number)
    places = _places(asked, laid, work=work, reach=reach)
    wanted: Callable[[Collection[int]], Sequence[Resource]]
    by = asked.by.value if laid.sections and asked.by is not None else order.By.GROUP.value
    owner = f"{by}_id"
    if told_to(request):
        # Most rows are made already: which they are is read, and the others after that.
        listed = [Listed(row.pk, getattr(row, owner)) for row in places.read(window.over, now=now)]
        wanted = partial(matrix_rows.these, reach=reach)
    else:
        read = places.listed(window.over, now=now)
        listed = [Listed(row.pk, getattr(row, owner)) for row in read]
        wanted = partial(_those_of, read)
    ids = [row.pk for row in listed]
    links, like = _alike(request, asked)
    made = _kept(request, asked, like, ids)
    missing = {pk for pk in ids if pk not in made}
    found, fresh = _made(
        wanted(missing),
        asked,
        window,
        links,
        columns=columns,
        work=work,
        reach=reach,
        now=now,
    )
    _keep(asked, like, fresh, position)
    rows = {**made, **fresh}
    ticked_at = found.ticked_at
    regions = [(region.slug, region_name(region)) for region in found.regions]
    states = counted.states
    return render(
        request,
        template,
        {
            **RHYTHM,
            "fragment": "dashboard/overview/fragment.html",
            "live_url": asked.address(reverse("dashboard:overview-live")),
            "rows_url": asked.address(reverse("dashboard:overview-rows")),
            "topics": TOPICS,
            "now": now,
            "title": headline.short_title(states),
            "headline": headline.headline(
                states,
                found.regions,
                is_current=headline.is_ticking(ticked_at, now),
                has_endpoints=bool(counted.kinds.get(ResourceKind.ENDPOINT)),
            ),
            "problems": headline.problems(ticked_at, found.regions, now) if found.regions else [],
            "wrong_now": wrong_now,
            "total": counted.total,
            "asked": asked,
            "filters": filters.filters(asked, counted, regions, window, path),
            "windows": filters.windows(asked, window.name, path),
            "window_error": window.error,
            "window_label": window.label,
            "sort": {
                name: asked.turned(order=order.Order(name)).address(path)
                for name in ("name", "worst", "uptime", "latency")
            },
            "directions": filters.directions(asked.order),
            "dense_url": asked.turned(is_dense=not asked.is_dense, page=asked.page).address(path),
            "columns": matrix.columns(found.regions, now),
            "bodies": _bodies(laid, asked, listed, rows),
            "page": laid,
            "is_narrow": laid.most < ROWS_A_PAGE,
            "last_row": laid.start + laid.rows,
            "previous_url": asked.turned(page=laid.number - 1).address(path) if laid.number > 1 else "",
            "next_url": asked.turned(page=laid.number + 1).address(path) if laid.number < laid.pages else "",
            "looks": [look for look in Look if look is not Look.RETIRED],  # which is not listed here
        },
    )


@require_safe
@never_cache
@readers_only
def rows(request: HttpRequest) -> HttpResponse:
    """The rows of these `ids` alone, as the page of this address has them: of what changed while it is open.

    Ten queries at most. What is not there any more, or beyond reach, is left out.
    """
    now, position = timezone.now(), hubs.position()
    asked, window = _asked(request, now)
    said = [one for one in request.GET.get("ids", "").split(",") if one.isascii() and one.isdigit()]
    ids = [int(one) for one in said[:MOST_ROWS] if len(one) < _DIGITS]
    reach, (links, like) = reach_of(request), _alike(request, asked)
    # Pages of several views ask for one row at the same moment.
    with _turns.of((like, frozenset(ids))) if told_to(request) else nullcontext():
        found = _kept(request, asked, like, ids)
        if missing := {pk for pk in ids if pk not in found}:
            wanted, work = matrix_rows.these(missing, reach), maintenance.on(now)
            _, fresh = _made(
                [row for row in wanted if not row.is_retired],
                asked,
                window,
                links,
                columns=matrix_rows.columns(reach),
                work=work,
                reach=reach,
                now=now,
            )
            _keep(asked, like, fresh, position)
            found = {**found, **fresh}
    shown = markup.joined((found[pk] for pk in dict.fromkeys(ids) if pk in found), _label(asked))
    return HttpResponse(format_html("<table><tbody>{}</tbody></table>", shown))


def _asked(request: HttpRequest, now: datetime) -> tuple[Asked, Window]:
    """Return what the address asks for, with the times of a range as the form writes them, and the window of it."""
    try:
        asked = Asked.of(request.GET, more=PARAMETERS)
    except NoSuchChoiceError as error:
        raise Http404(str(error)) from None
    window = window_of(dict(asked.more), now=now, kept=timedelta(days=settings.KAIROS_ROLLUP_RETENTION_DAYS))
    more = [(name, value if name == "window" else written(value)) for name, value in asked.more]
    return asked.turned(more=tuple(more), page=asked.page), window


def _places(asked: Asked, laid: Spread, *, work: Sequence[MaintenanceOccurrence], reach: Reach) -> Places:
    """Return what a page has rows of, in their order."""
    part: order.Firsts | order.Stretch = order.Stretch(laid.start, laid.rows)
    if laid.sections and asked.by is not None:
        part = order.Firsts(asked.by, tuple((section.owner.pk, section.shown) for section in laid.sections))
    extents = maintenance.extents(work)
    return Places(choice=asked.choice, order=asked.order, part=part, work=extents, reach=reach)


def _those_of(read: Sequence[Resource], ids: Collection[int]) -> Sequence[Resource]:
    return [row for row in read if row.pk in ids]


def _alike(request: HttpRequest, asked: Asked) -> tuple[markup.Links, Hashable]:
    """Return where rows lead to, and all that a row depends on besides its resource and the regions."""
    user: Any = request.user
    links = markup.Links(
        image=reverse("dashboard:resource", args=[0]),
        change=_change_url() if user.is_staff else "",
    )
    return links, (reach_of(request), links, asked.more, asked.order is order.Order.LATENCY)


def _kept(request: HttpRequest, asked: Asked, like: Hashable, ids: Iterable[int]) -> Mapping[int, SafeString]:
    """Return by their ids those rows that are made already.

    None where they say how long the last check took, by which they are ordered: that changes with checks of which
    nothing is told but to the image's own page, and has to be as new as the order.
    """
    if asked.order is order.Order.LATENCY:
        return {}
    told = told_to(request)
    return _pieces.find(like, ids, told) if told else {}


def _keep(asked: Asked, like: Hashable, rows: Mapping[int, SafeString], position: str) -> None:
    """Keep rows, unless `_kept` would not ask for them: they would take the places of others."""
    if asked.order is not order.Order.LATENCY:
        _pieces.keep(like, rows, position)


def _made(
    wanted: Sequence[Resource],
    asked: Asked,
    window: Window,
    links: markup.Links,
    *,
    columns: Sequence[Region],
    work: Sequence[MaintenanceOccurrence],
    reach: Reach,
    now: datetime,
) -> tuple[Overview, Mapping[int, SafeString]]:
    """Return the matrix of these resources, and their rows by their ids."""
    found = matrix_rows.overview(wanted, regions=columns, work=work, reach=reach)
    shown, over = [row.resource for row in found.rows], window.over
    if not shown:
        return found, {}
    # The two long questions are answered while something is made of what is known already.
    with bars.begun(shown, over, now=now) as rolled:
        views = matrix.rows(found, now, is_timed=asked.order is order.Order.LATENCY)
    history = rolled.read()
    with latencies.begun(shown, over, now=now, reach=Reach(regions=reach.regions)) as timed:
        drawn = histories(history.bars(), window.label)
    return found, markup.rows_html(views, links, measures(drawn, timed.medians(), window.label), now)


def _bodies(
    laid: Spread, asked: Asked, listed: Sequence[Listed], rows: Mapping[int, SafeString]
) -> list[Mapping[str, Any]]:
    """Return the bodies of the table: the rows of each section under its head, or all of them without one."""
    label = _label(asked)
    if not laid.sections or asked.by is None:
        whole = markup.joined((rows[row.pk] for row in listed if row.pk in rows), label)
        return [{"head": None, "rows": whole}] if whole else []
    owned: dict[int | None, list[SafeString]] = {section.owner.pk: [] for section in laid.sections}
    for row in listed:
        # One may have been moved to another group since they were counted, and be gone since they were listed.
        if row.pk in rows:
            owned.setdefault(row.owner, []).append(rows[row.pk])
    path = reverse("dashboard:overview")
    heads = [filters.head(section, asked.by, asked, path) for section in laid.sections]
    return [
        {
            "head": head,
            "counts": markup.counts(head.counts),
            "rows": markup.joined(owned[section.owner.pk][: section.shown], label),
        }
        for section, head in zip(laid.sections, heads, strict=True)
    ]


def _label(asked: Asked) -> str:
    """Return the address of the page for one label, without it."""
    labels = asked.choosing(label="").address(reverse("dashboard:overview"))
    return f"{labels}{'&' if '?' in labels else '?'}label="


def _change_url() -> str:
    try:
        return reverse(f"admin:{Resource._meta.app_label}_resource_change", args=[0])  # noqa: SLF001 - documented API
    except NoReverseMatch:  # no admin here
        return ""
