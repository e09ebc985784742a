"""A status page as it stands now. PURE: rows of the selectors in, words and charts out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils.safestring import SafeString

from dashboard import words
from dashboard.charts.bars import timeline_bar
from dashboard.status.happenings import Happening, News, name_of
from dashboard.status.public_words import LONGEST_NAME, SHOWN, STANDINGS, Moment, paragraphs
from dashboard.words import Look
from probes.models import StatusGroup, StatusPage
from probes.policy.buckets import Bar, Face, Part, cut
from probes.policy.grid import Grid, second
from probes.policy.intervals import Interval
from probes.policy.publishing import Naming, Standing, overall, standing_of
from probes.policy.rollup import DAY
from probes.policy.uptime import Shown, Tally
from probes.selectors.status_pages import MOST_IMAGES, Day, Image, Record

DAYS: Final = 90
_FACES: Final = {state: Face(state.value) for state in Shown}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An image: `note` is its reference where that is told beside a name; of no data is no `uptime`."""

    id: str
    name: str
    note: str
    look: Look
    label: str
    uptime: str
    bar: SafeString | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLine:
    """A group, and of those that are told of each its images. `slug` is its public one."""

    slug: str
    name: str
    note: str
    standing: Standing
    look: Look
    label: str
    uptime: str
    bar: SafeString | None
    lines: Sequence[Line]
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """All that a page shows."""

    slug: str
    title: str
    description: Sequence[Sequence[str]]
    standing: Standing
    look: Look
    label: str
    sentence: str
    groups: Sequence[GroupLine]
    news: Sequence[News]
    going_on: Sequence[Happening]
    past: Sequence[Happening]
    as_of: Moment
    days: int = DAYS
    most_images: int = MOST_IMAGES


def board(
    page: StatusPage,
    groups: Sequence[GroupLine],
    *,
    news: Sequence[News],
    going_on: Sequence[Happening],
    past: Sequence[Happening],
    now: datetime,
) -> Board:
    standing = overall(group.standing for group in groups)
    said = STANDINGS[standing]
    return Board(
        slug=page.slug,
        title=words.shown(page.title, LONGEST_NAME),
        description=paragraphs(page.description),
        standing=standing,
        look=said.look,
        label=said.label,
        sentence=said.sentence if groups else "Nothing is shown here yet",
        groups=groups,
        news=news,
        going_on=going_on,
        past=past,
        as_of=Moment.of(now),
    )


def group_lines(
    groups: Sequence[StatusGroup],
    counts: Mapping[int, Mapping[Shown, int]],
    images: Mapping[int, Sequence[Image]],
    of_groups: Record,
    of_images: Record,
) -> list[GroupLine]:
    """Return what is shown of groups, in their order."""
    return [
        _group_line(entry, standing_of(counts[entry.group_id]), images.get(entry.group_id, ()), of_groups, of_images)
        for entry in groups
    ]


def _group_line(
    entry: StatusGroup, standing: Standing, images: Sequence[Image], of_groups: Record, of_images: Record
) -> GroupLine:
    said = STANDINGS[standing]
    days = of_groups.days.get(entry.group_id, ())
    name = words.shown(entry.public_name, LONGEST_NAME)
    return GroupLine(
        slug=entry.slug,
        name=name,
        note=words.shown(entry.description, 300),
        standing=standing,
        look=said.look,
        label=said.label,
        uptime=uptime(days),
        bar=_bar(days, of_groups, id=f"bar-{entry.slug}", label=f"{name}, by days"),
        lines=[_line(entry, number, image, of_images) for number, image in enumerate(images[:MOST_IMAGES], start=1)],
        has_more=len(images) > MOST_IMAGES,
    )


def _line(entry: StatusGroup, number: int, image: Image, record: Record) -> Line:
    look, label = SHOWN[image.shown]
    name = name_of(image.resource, entry)
    reference = words.shown(image.resource.shown_reference, 400) if entry.naming == Naming.REFERENCES else ""
    days, place = record.days.get(image.resource.pk, ()), f"{entry.slug}-{number}"
    return Line(
        id=f"image-{place}",
        name=name,
        note="" if reference == name else reference,
        look=look,
        label=label,
        uptime=uptime(days),
        bar=_bar(days, record, id=f"bar-{place}", label=f"{name}, by days"),
    )


def uptime(days: Sequence[Day]) -> str:
    """Return the share of the seconds that count; empty where none does."""
    seconds = sum((day.seconds for day in days), Tally())
    return words.percent(seconds.up, seconds.counted) if seconds.counted else ""


def _bar(days: Sequence[Day], record: Record, *, id: str, label: str) -> SafeString | None:  # noqa: A002 - as in the charts
    bar = bar_of(days, record)
    return timeline_bar(bar, id=id, label=label) if bar else None


def bar_of(days: Sequence[Day], record: Record) -> Bar | None:
    """Return the days as buckets; None where nothing was rolled up. Before the first of them is no data.

    The seconds of a group are those of all its images. They are brought down to the length of the day, since they
    would tell how many images there are.
    """
    if not days or record.since >= record.until:
        return None
    grid = Grid.of(Interval(record.since, record.until), DAY)
    parts = [_part(day, min(day.starts_at + DAY, record.until)) for day in days]
    return cut(grid, parts)


def _part(day: Day, end: datetime) -> Part:
    length = (end - day.starts_at) // timedelta(seconds=1)
    counts = {_FACES[state]: count for state in Shown if (count := getattr(day.seconds, state.value))}
    total = sum(counts.values())
    if total > length:
        # However little was bad, it is seen.
        counts = {face: max(1, count * length // total) for face, count in counts.items()}
        most = max(counts, key=counts.__getitem__)
        counts[most] += length - sum(counts.values())
    return Part.summed(second(day.starts_at), second(end), counts)
