"""The timeline of a resource: the verdict's bar, a lane for each region, and all of it in words. PURE.

Selectors' bars in, words and charts out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.safestring import SafeString

from dashboard import words
from dashboard.addresses import with_query
from dashboard.charts.bars import swatch, timeline_bar, told
from dashboard.charts.faces import MEANINGS, names
from dashboard.charts.marks import marks
from dashboard.window import Window
from probes.policy.buckets import FACES, Bar, Bucket, Face
from probes.policy.uptime import WINDOWS

MOST_LINES: Final = 60
_LEGEND: Final = (Face.AVAILABLE, *(face for face in FACES if face is not Face.AVAILABLE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A window that can be chosen. `url` is its address, on the page that it is on."""

    name: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The bar of one region, and what it shows in words."""

    slug: str
    name: str
    bar: SafeString
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Some time in which it was not available all along, for who reads rather than looks."""

    start: datetime
    end: datetime
    said: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a face looks like in a bar, its name, and what that means."""

    sample: SafeString
    name: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timelines:
    """All that the section says.

    `marks` are times along the bars, at equal distances from end to end, and how they are written there. `lines` are
    those of the verdict, the newest first; `more` says how many are left out.
    """

    window: Window
    choices: Sequence[Choice]
    bar: SafeString
    said: str
    lanes: Sequence[Lane]
    marks: Sequence[tuple[datetime, str]]
    slot: str
    keys: Sequence[Key]
    lines: Sequence[Line]
    more: int


def timelines(
    window: Window,
    verdict: Bar,
    lanes: Sequence[tuple[str, str, Bar]],
    *,
    url: str,
    kept: Mapping[str, str],
    unattended: str = "",
) -> Timelines:
    """Return the section. Of each lane the region's slug, its name and its bar are given, in their order.

    `url` is the page's address and `kept` what else of its query stays when another window is chosen.
    `unattended` is what the time is called in which nobody looked, unless it was paused.
    """
    called = names(unattended)
    lines = list(_lines(verdict, called))
    every = (verdict, *(bar for _, _, bar in lanes))
    faces = {face for bar in every for run in bar.runs for face, _ in run.bucket.faces}
    return Timelines(
        window=window,
        choices=[
            Choice(
                name=name,
                url=f"{with_query(url, **{**kept, 'window': name})}#timeline",
                is_current=name == window.name,
            )
            for name in WINDOWS
        ],
        bar=timeline_bar(
            verdict, id="timeline-verdict", label=f"Verdict, {window.label}", is_focusable=True, unattended=unattended
        ),
        said=told(verdict, unattended=unattended, is_brief=True),
        lanes=[
            Lane(
                slug=slug,
                name=name,
                bar=timeline_bar(
                    bar,
                    id=f"timeline-{slug}",
                    label=f"{name}, {window.label}",
                    is_focusable=True,
                    unattended=unattended,
                ),
                said=told(bar, unattended=unattended, is_brief=True),
            )
            for slug, name, bar in lanes
        ],
        marks=marks(verdict.grid),
        slot=words.amount(verdict.grid.length),
        keys=[
            Key(sample=swatch(face), name=called[face], meaning=MEANINGS[face]) for face in _LEGEND if face in faces
        ],
        lines=lines[:MOST_LINES],
        more=max(0, len(lines) - MOST_LINES),
    )


def _lines(bar: Bar, called: Mapping[Face, str]) -> Iterator[Line]:
    """Yield what was not available all along, the newest first; slots that say the same are one line."""
    for run in reversed(bar.runs):
        if run.bucket.worst in (None, Face.AVAILABLE):
            continue
        start, end = bar.grid.interval(run.first).start, bar.grid.interval(run.first + run.count - 1).end
        yield Line(
            start=start,
            end=end,
            said=_said(run.bucket, called),
            cause=words.reason(run.bucket.cause) if run.bucket.cause else "",
        )


def _said(bucket: Bucket, called: Mapping[Face, str]) -> str:
    faces = list(bucket.faces)
    if len(faces) == 1:
        return called[faces[0][0]]
    parts = [f"{called[face].lower()} {_share(count, bucket.present)}" for face, count in faces]
    return words.listed(parts).capitalize()


def _share(count: int, present: int) -> str:
    return f"{count * 100 // present} %" if count * 100 >= present else "under 1 %"
