"""What a status page shows to an audience: its groups, how they stand, and each day's seconds of them.

What is public is shown to everybody, whatever their reach: that is what it was published for. All else is held
against the reach of whoever looks (`visible`), and what is not shown counts in nothing. It is verdicts over all
regions that are told of.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Case, CharField, Count, F, Q, QuerySet, Value, When, Window
from django.db.models.functions import Coalesce, Lower, NullIf, RowNumber

from probes.models import (
    ALL_REGIONS,
    Announcement,
    DayRollUp,
    DaySum,
    HourRollUp,
    HourSum,
    MaintenanceOccurrence,
    OwnerKind,
    Resource,
    ResourceGroup,
    RollUpProgress,
    StatusGroup,
    StatusPage,
)
from probes.policy.publishing import Audience, Naming, Visibility, tells_no_more
from probes.policy.rollup import DAY, HOUR, floor
from probes.policy.uptime import Shown, Tally
from probes.selectors import maintenance, visible
from probes.selectors.uptime import rolled_until

MOST_IMAGES: Final = 50
"""Of a group, so many images at most have a line of their own. One more is read, to tell that there are more."""

_SECONDS: Final = tuple(f"seconds_{state}" for state in Shown)
# A verdict that lapsed so long ago and was not computed again is none: nobody computes.
_LATE: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Day:
    """The seconds of a day of UTC, as far as it was rolled up."""

    starts_at: datetime
    seconds: Tally


@dataclass(frozen=True, slots=True)
class Image:
    """An image with a line of its own: what it shows now."""

    resource: Resource
    shown: Shown


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` on days are rolled up until `days_until`, and hours until `until`."""

    since: datetime
    days_until: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Record:
    """What was rolled up: days by the id of what they are of, oldest first, from `since` up to `until`."""

    since: datetime
    until: datetime
    days: Mapping[int, Sequence[Day]]


def page_of(slug: str, audience: Audience) -> StatusPage | None:
    """Return the page of that name if it is there for that audience. One query, whatever comes of it."""
    return StatusPage.objects.filter(slug=slug, visibility__in=audience.sees).first()


def page_for_its_owner(slug: str) -> StatusPage | None:
    """Return the page of that name whoever it is shown to: for those who may change it. One query."""
    return StatusPage.objects.filter(slug=slug).first()


def groups_of(page: StatusPage, audience: Audience) -> Sequence[StatusGroup]:
    """Return what a page shows of groups, in its order. One query."""
    return list(StatusGroup.objects.filter(_shown_to(audience), page=page).order_by("position", "pk"))


def announcements(page: StatusPage, audience: Audience, *, now: datetime) -> QuerySet[Announcement]:
    """What was announced to that audience by now, the newest first."""
    shown = Announcement.objects.filter(page=page, visibility__in=audience.sees, starts_at__lte=now)
    return shown.order_by("-starts_at", "-pk")


def on_now(page: StatusPage, audience: Audience, most: int, *, now: datetime) -> Sequence[Announcement]:
    """Return what is announced at present, pinned ones first. One query."""
    on = announcements(page, audience, now=now).filter(Q(expires_at=None) | Q(expires_at__gt=now))
    return list(on.order_by("-is_pinned", "-starts_at", "-pk")[:most])


def standings(
    groups: Iterable[StatusGroup], work: Sequence[MaintenanceOccurrence], *, now: datetime
) -> Mapping[int, Mapping[Shown, int]]:
    """Return by the id of the group how many of its images show what, `work` being on. One query, if any.

    Those that have not been looked at yet are left out: a new one makes no group unknown.
    """
    ids = [entry.group_id for entry in groups]
    found: dict[int, dict[Shown, int]] = {group_id: {} for group_id in ids}
    if ids:
        looked_at = _images(ids, work, now).filter(verdict__isnull=False)
        counted = looked_at.order_by().values("group_id", "shown").annotate(count=Count("pk"))
        for group_id, shown, count in counted.values_list("group_id", "shown", "count"):
            found[group_id][Shown(shown)] = count
    return found


def images(
    groups: Iterable[StatusGroup], work: Sequence[MaintenanceOccurrence], *, now: datetime
) -> Mapping[int, Sequence[Image]]:
    """Return by the id of the group its images that are told of each, by name. One query, if any."""
    named = {entry.group_id: entry.naming for entry in groups if entry.naming != Naming.TOGETHER}
    found: dict[int, list[Image]] = {group_id: [] for group_id in named}
    if named:
        with_names = [group_id for group_id, naming in named.items() if naming == Naming.NAMES]
        rows = _images(list(named), work, now).exclude(name="", group_id__in=with_names)
        called = Lower(Coalesce(NullIf("name", Value("")), "reference"))
        place = Window(RowNumber(), partition_by="group_id", order_by=[called, "pk"])
        for row in (
            rows.annotate(place=place, called=called).filter(place__lte=MOST_IMAGES + 1).order_by("called", "pk")
        ):
            found[row.group_id].append(Image(row, Shown(row.shown)))
    return found


def rolled_up(*, days: int, now: datetime) -> Span:
    """Return what there is of the last so many days, today included. Four queries at most."""
    since = floor(now, DAY) - (days - 1) * DAY
    until = max(rolled_until() or since, since)
    days_until = rolled_until(RollUpProgress.Unit.DAY) or since
    return Span(since, min(until, max(days_until, since)), until)


def rolled_up_hours(*, hours: int, now: datetime) -> Span:
    """Return what there is of the last so many whole hours, of which the last may still be missing. Two queries."""
    since = floor(now, HOUR) - hours * HOUR
    return Span(since, since, max(rolled_until() or since, since))


def record_of_groups(group_ids: Sequence[int], span: Span) -> Record:
    """Return the days of groups: the seconds of all that belonged to each, together. One query, if any."""
    own = {"owner_kind": OwnerKind.GROUP.value, "owner_id__in": group_ids}
    return _record(DaySum, HourSum, "owner_id", own, span)


def record_of_images(resource_ids: Sequence[int], span: Span) -> Record:
    """Return the days of images. One query, if any."""
    return _record(DayRollUp, HourRollUp, "resource_id", {"resource_id__in": resource_ids}, span)


def badge_of_group(slug: str) -> StatusGroup | None:
    """Return the group that everybody may see under that stable name. One query."""
    return StatusGroup.objects.filter(_published(), slug=slug).first()


def badge_of_image(slug: str) -> Resource | None:
    """Return the image that everybody may see by that stable name. One query.

    Where only names are told it is found by a stable name that says no more than that.
    """
    published = StatusGroup.objects.filter(_published()).exclude(naming=Naming.TOGETHER)
    image = Resource.objects.filter(slug=slug, retired_at=None, group__in=published.values("group_id")).first()
    if image is None:
        return None
    if image.name and tells_no_more(image.slug, image.name):
        return image
    by_reference = published.filter(group_id=image.group_id, naming=Naming.REFERENCES)
    return image if by_reference.exists() else None


def shown_of(resource: Resource, *, now: datetime) -> Shown:
    """Return what an image shows now. Two queries."""
    work = maintenance.on(now)
    row: Any = Resource.objects.filter(pk=resource.pk).annotate(shown=_state(work, now)).get()
    return Shown(row.shown)


def _published() -> Q:
    return Q(visibility=Visibility.PUBLIC, page__visibility=Visibility.PUBLIC)


def _shown_to(audience: Audience) -> Q:
    """Return what holds for groups that are shown: public ones, and within reach those for who has logged in."""
    public = Q(visibility=Visibility.PUBLIC)
    if Visibility.SIGNED_IN not in audience.sees:
        return public
    reached = visible.among(ResourceGroup.objects.all(), audience.reach).order_by().values("pk")
    return public | Q(visibility=Visibility.SIGNED_IN, group__in=reached)


def _images(group_ids: Sequence[int], work: Sequence[MaintenanceOccurrence], now: datetime) -> "QuerySet[Any]":
    own = Resource.objects.filter(group_id__in=group_ids, retired_at=None)
    return own.annotate(shown=_state(work, now))


def _state(work: Sequence[MaintenanceOccurrence], now: datetime) -> Case:
    """Give each resource what it shows: a pause over planned work, and that over a verdict which still counts."""
    unknown = Value(Shown.UNKNOWN.value)
    return Case(
        When(paused_at__isnull=False, then=Value(Shown.PAUSED.value)),
        *(When(maintenance.worked_on(item), then=Value(Shown.MAINTENANCE.value)) for item in work),
        When(verdict=None, then=unknown),
        When(verdict__stale_at__lte=now - _LATE, then=unknown),
        default=F("verdict__state"),
        output_field=CharField(),
    )


def _record(of_days: type[Any], of_hours: type[Any], key: str, own: Mapping[str, Any], span: Span) -> Record:
    columns = (key, "starts_at", *_SECONDS)
    own = {**own, "region_id": ALL_REGIONS}
    whole = of_days.objects.filter(**own, starts_at__gte=span.since, starts_at__lt=span.days_until)
    rest = of_hours.objects.filter(**own, starts_at__gte=span.days_until, starts_at__lt=span.until)
    found: dict[int, dict[datetime, Tally]] = defaultdict(dict)
    if span.until > span.since:
        for pk, starts_at, *seconds in whole.values_list(*columns).union(rest.values_list(*columns), all=True):
            day = floor(starts_at, DAY)
            counts = {state.value: count or 0 for state, count in zip(Shown, seconds, strict=True)}
            found[pk][day] = found[pk].get(day, Tally()) + Tally(**counts)
    return Record(
        span.since, span.until, {pk: [Day(*item) for item in sorted(told.items())] for pk, told in found.items()}
    )
