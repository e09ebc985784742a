"""What regions see of the same thing: selector → template. Images are chosen, or a group, or a registry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard import side_by_side, words
from dashboard.access import reach_of, readers_only
from dashboard.cells import name_of, region_name
from dashboard.compare import heat, worldmap
from dashboard.instants import Told
from dashboard.narrowing import Asked
from dashboard.side_by_side import Table
from dashboard.subjects import group_of, registry_of
from probes.models import OwnerKind, Region, Registry, Resource, ResourceGroup
from probes.policy.access import Reach
from probes.policy.intervals import Interval
from probes.policy.rollup import whole_hours
from probes.policy.uptime import WINDOWS
from probes.selectors import by_hour, comparison, visible
from probes.selectors.resources import saying
from probes.selectors.subscriptions import regions_in_service, regions_of

MOST_IMAGES: Final = 4
MOST_FOUND: Final = 12
_WINDOWS: Final = {"7d": "Last 7 days", "30d": "Last 30 days", "90d": "Last 90 days"}
_USUAL: Final = "24h"
_SHOWN_WITH: Final = ("registry", "group")


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One comparison: of what, side by side, by hours, on the map, and why it failed from where.

    Causes are read `is_until_now` where the range ends now, also of what is not rolled up yet.
    """

    id: str
    name: str
    kind: str
    url: str
    without_url: str
    table: Table
    heat: heat.Heat | None
    spots: Sequence[worldmap.Spot]
    causes: Sequence[tuple[str, Sequence[str]]]
    causes_bound: str
    is_until_now: bool


@require_safe
@never_cache
@readers_only
def compare(request: HttpRequest) -> HttpResponse:
    """Show what is chosen by region, side by side. 3 queries; 14 of a group or a registry, 20 of an image."""
    now = timezone.now()
    reach = reach_of(request)
    asked = Asked(reverse("dashboard:compare"), request.GET)
    text = asked.text("find", "Find an image", hint="Words of its name")
    group = group_of(asked, reach)
    registry = registry_of(asked, reach)
    chosen = _images(asked, reach)
    window = asked.choice("window", "Time", _WINDOWS, any_label="Last 24 hours")
    over = _over(asked, window or _USUAL, now)
    if sum((bool(chosen), group is not None, registry is not None)) > 1:
        asked.complaints.append("Choose images, or a group, or a registry.")
    if registry is not None and reach.groups is not None:
        asked.complaints.append("What all of a registry comes to is told to those alone who may see all of it.")
    panels: list[Panel] = []
    if over is not None and not asked.complaints:
        if chosen:
            panels = [_of_image(asked, item, chosen, over, reach, now) for item in chosen]
        elif group is not None:
            panels = [_of_owner(OwnerKind.GROUP, group, over, reach, now)]
        elif registry is not None:
            panels = [_of_owner(OwnerKind.REGISTRY, registry, over, reach, now)]
    return render(
        request,
        "dashboard/compare/page.html",
        {
            "title": f"{', '.join(panel.name for panel in panels)[:80] or 'Compare regions'} · Kairos",
            "form": asked.form(),
            "found": _found(asked, text, chosen, reach) if text else None,
            "can_add": len(chosen) < MOST_IMAGES,
            "text": words.shown(text, 60),
            "panels": panels,
            "legend": heat.LEGEND,
            "width": worldmap.WIDTH,
            "height": worldmap.HEIGHT,
        },
    )


def _images(asked: Asked, reach: Reach) -> Sequence[Resource]:
    """Return the images that `image` names by their numbers, with commas between them. One query where it does."""
    named = asked.query.get("image", "") or asked.query.get("resource", "")  # as the API calls it
    texts = list(dict.fromkeys(filter(None, named.split(","))))
    if not texts:
        return []
    ids = [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 19]
    rows = visible.among(Resource.objects.select_related(*_SHOWN_WITH), reach).in_bulk(ids[:MOST_IMAGES])
    found = [rows[pk] for pk in ids if pk in rows]
    asked.hidden("image", "Images" if len(texts) > 1 else "Image", ", ".join(map(name_of, found)))
    if len(found) < len(texts[:MOST_IMAGES]):
        asked.complaints.append("Images: not all of these are there.")
    if len(texts) > MOST_IMAGES:
        asked.complaints.append(f"Images: at most {MOST_IMAGES} are compared at once.")
    return found


def _over(asked: Asked, window: str, now: datetime) -> Interval | None:
    """Return the range in whole hours; a complaint where there is nothing of it, or nothing of it is kept."""
    given = asked.times("Time")
    kept = timedelta(days=settings.KAIROS_ROLLUP_RETENTION_DAYS)
    over = Interval(now - WINDOWS[window], now)
    if given is not None:
        if given.start >= now:
            asked.complaints.append("Time: this is still to come.")
            return None
        end = min(given.end, now)
        if end <= now - kept:
            asked.complaints.append(f"Time: figures are kept for {kept.days} days.")
            return None
        over = Interval(max(given.start, end - WINDOWS["90d"], now - kept), end)
    return whole_hours(over, now=now)


def _found(asked: Asked, text: str, chosen: Sequence[Resource], reach: Reach) -> Sequence[tuple[Resource, str, str]]:
    """Return images in whose name the words are, each with its name and the address that compares it as well."""
    rows = visible.among(Resource.objects.filter(saying(text), retired_at=None), reach)
    rest = {name: value for name, value in asked.in_force.items() if name in ("window", "since", "until")}
    taken = [str(item.pk) for item in chosen]
    return [
        (row, name_of(row), asked.url({**rest, "image": ",".join([*taken, str(row.pk)])}))
        for row in rows.exclude(pk__in=taken).select_related("registry").order_by("pk")[:MOST_FOUND]
    ]


def _within(regions: Sequence[Region], reach: Reach) -> Sequence[Region]:
    return [region for region in regions if reach.holds_region(region.pk)]


def _of_image(
    asked: Asked, image: Resource, chosen: Sequence[Resource], over: Interval, reach: Reach, now: datetime
) -> Panel:
    regions = _within(regions_of([image.pk])[image.pk], reach)
    ids = [region.pk for region in regions]
    table = side_by_side.table(comparison.of_resource(image, over, regions, now=now), now)
    others = ",".join(str(item.pk) for item in chosen if item is not image)
    return _panel(
        regions,
        table,
        by_hour.of_resource(image.pk, over, ids),
        by_hour.causes_of_resource(image.pk, over, ids),
        over,
        now,
        id=f"image-{image.pk}",
        name=name_of(image),
        kind="",
        url=reverse("dashboard:resource", args=[image.pk]),
        without_url=asked.url({**asked.in_force, "image": others}) if others else "",
        is_until_now=over.end == now,
    )


def _of_owner(kind: OwnerKind, owner: Registry | ResourceGroup, over: Interval, reach: Reach, now: datetime) -> Panel:
    regions = _within(regions_in_service(), reach)
    ids = [region.pk for region in regions]
    seen = comparison.of_owner(kind, owner.pk, over, regions, now=now)
    split = [item.resource_id for item in seen.split]
    shown = visible.among(Resource.objects.select_related("registry"), reach).in_bulk(split) if split else {}
    if isinstance(owner, Registry):
        name, url = owner.host, reverse("dashboard:registry", args=[owner.host])
    else:
        name, url = words.shown(owner.name, 200), _overview({"group": owner.slug})
    return _panel(
        regions,
        side_by_side.table(seen, now, {pk: name_of(row) for pk, row in shown.items()}),
        by_hour.of_owner(kind, owner.pk, over, ids),
        by_hour.causes_of_owner(kind, owner.pk, over, ids),
        seen.over,
        now,
        id=kind.value,
        name=name,
        kind=kind.label.lower(),
        url=url,
        without_url="",
        is_until_now=over.end == now,  # and what is seen ends before that
    )


def _overview(query: dict[str, str]) -> str:
    return Asked(reverse("dashboard:overview"), {}).url(query)


def _panel(
    regions: Sequence[Region],
    table: Table,
    hours: Any,
    causes: by_hour.Causes,
    over: Interval,
    now: datetime,
    **named: Any,
) -> Panel:
    lanes = [(region.slug, region_name(region), hours[region.pk]) for region in regions]
    is_known = any(hours[region.pk] for region in regions)
    return Panel(
        table=table,
        heat=heat.heat(lanes, over, by_hour.unit_of(over), now) if is_known else None,
        spots=worldmap.spots(regions, table.rows),
        causes=[
            (
                region_name(region),
                [
                    Told.of(
                        "{}: {}, last {}",
                        words.reason(cause.reason),
                        f"{cause.count:,}",
                        words.ago(cause.last_slot, now),
                    )
                    for cause in causes.regions[region.pk]
                ],
            )
            for region in regions
            if causes.regions.get(region.pk)
        ],
        causes_bound=_bound(causes, now, is_owner=bool(named["kind"])),
        **named,
    )


def _bound(causes: by_hour.Causes, now: datetime, *, is_owner: bool) -> str:
    """Return since when the causes are those of all failures, where not all of the range were looked through."""
    if causes.since is None:
        return ""
    whose = "of all images together" if is_owner else "from each region"
    since = words.clock(causes.since, now)
    return Told.of(
        "Complete only since {}: no more than the newest {} {} are looked through.", since, f"{causes.most:,}", whose
    )
