"""Bars of timelines: one upright slot a bucket, its worst at the foot and as high as its share. PURE.

Slots that show one thing alone are drawn together, as one dashed line for each look: a page has fifty of these bars.
What a slot says is in `data-slots`, for the tooltip of `charts.js`; what the bar says as a whole in its label.

Each look has a shape of its own as well as a colour: what was bad is underlined (a dash where it was unavailable, a
dot where it was degraded), unknown is hatched, maintenance is two bands, a pause one, and no data a dotted base line.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from dashboard import words
from dashboard.charts.faces import LETTERS, names
from probes.policy.buckets import FACES, Bar, Bucket, Face, Run

SLOT_WIDTH: Final = 4
_DRAWN_WIDTH: Final = 3
_HEIGHT: Final = 20
_RAIL: Final = 24
_BOTTOM: Final = 26
_LEAST_NOTCH: Final = 4  # however short it was, it is seen
_GAP: Final = 1

# The middle of the lines by which slots of one look are drawn.
_LINES: Final = {
    **dict.fromkeys(FACES, (10,)),
    Face.NO_DATA: (19,),
    Face.MAINTENANCE: (4, 16),
}
_UNDERLINED: Final = (Face.UNAVAILABLE, Face.DEGRADED)
_LONGEST_CAUSE: Final = 80


def timeline_bar(
    bar: Bar,
    *,
    id: str,  # noqa: A002 - it is the attribute
    label: str,
    is_focusable: bool = False,
    unattended: str = "",
) -> SafeString:
    """Return the bar as SVG, some 400 bytes where all is well. `label` says of what it is, `id` is the element's.

    One that `is_focusable` is walked through by arrow keys: on a page of fifty that would be fifty stops.
    `unattended` is what the time is called in which nobody looked, unless it was paused.
    """
    causes = _causes(bar)
    return format_html(
        '<svg class="slots" id="{}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}"'
        ' data-origin="{}" data-length="{}" data-since="{}" data-until="{}" data-slots="{}"{}{}{}>{}</svg>',
        id,
        bar.grid.count * SLOT_WIDTH,
        _BOTTOM,
        f"{label}: {told(bar, unattended=unattended)}",
        bar.grid.origin,
        bar.grid.length,
        bar.grid.start,
        bar.grid.end,
        " ".join(_encoded(run, causes) for run in bar.runs),
        format_html(' data-causes="{}"', "|".join(words.reason(cause).replace("|", "/") for cause in causes))
        if causes
        else "",
        format_html(' data-paused="{}"', names(unattended)[Face.PAUSED]) if unattended else "",
        mark_safe(' tabindex="0"') if is_focusable else "",
        format_html_join("", '<path class="{}" d="{}"/>', _drawn(bar.runs)),
    )


def swatch(face: Face) -> SafeString:
    """Return three slots of a face, for a legend."""
    run = Run(0, 3, Bucket(seconds=tuple(int(one is face) for one in FACES)))
    return format_html(
        '<svg class="slots swatch" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">{}</svg>',
        3 * SLOT_WIDTH,
        _BOTTOM,
        format_html_join("", '<path class="{}" d="{}"/>', _drawn([run])),
    )


def told(bar: Bar, *, unattended: str = "", is_brief: bool = False) -> str:
    """Return what a bar shows, in words: `99.2 % available, 12 min unavailable`.

    The share is that of uptime: of the time that counts. Briefly, what does not count is told as one.
    """
    counts: dict[Face, int] = defaultdict(int)
    for run in bar.runs:
        for face, count in run.bucket.faces:
            counts[face] += run.count * count
    called = names(unattended)
    if not counts:
        return "nothing yet"
    if len(counts) == 1:
        return f"{called[next(iter(counts))].lower()} all the time"
    seconds = bar.seconds
    said = [f"{words.percent(seconds.up, seconds.counted)} available"] if seconds.counted else []
    bad = [face for face in _UNDERLINED if counts[face]]
    said += (f"{words.amount(counts[face])} {called[face].lower()}" for face in bad)
    others = [face for face in FACES if face not in (*_UNDERLINED, Face.AVAILABLE) and counts[face]]
    if is_brief and len(others) > 1:
        return ", ".join([*said, f"{words.amount(seconds.left_out)} left out"])
    return ", ".join([*said, *(f"{words.amount(counts[face])} {called[face].lower()}" for face in others)])


def _causes(bar: Bar) -> list[str]:
    return list(dict.fromkeys(cause for run in bar.runs if (cause := run.bucket.cause[:_LONGEST_CAUSE])))


def _encoded(run: Run, causes: Sequence[str]) -> str:
    """Return a run as the script reads it: `56a`, or `u60a900~0*3`.

    How many slots, then each face's letter with its seconds, which are left out where it fills the slot; then the
    number of the cause, and how many checks there were in each.
    """
    bucket = run.bucket
    faces = list(bucket.faces)
    if len(faces) == 1 and not bucket.absent:
        said = LETTERS[faces[0][0]]
    else:
        said = "".join(f"{LETTERS[face]}{count}" for face, count in faces) or "-"
    cause = bucket.cause[:_LONGEST_CAUSE]
    return "".join(
        (
            str(run.count) if run.count > 1 else "",
            said,
            f"~{causes.index(cause)}" if cause else "",
            "" if bucket.checks is None else f"*{bucket.checks}",
        )
    )


def _drawn(runs: Iterable[Run]) -> Iterator[tuple[str, str]]:
    """Yield (style class, path) of each look: whole slots, parts of slots, and what is underlined."""
    whole: dict[Face, list[str]] = defaultdict(list)
    parts: dict[Face, list[tuple[float, int, int]]] = defaultdict(list)
    rails: dict[Face, list[tuple[int, int]]] = defaultdict(list)
    for run in runs:
        worst, rest = run.bucket.worst, run.bucket.rest
        if worst is None:
            continue
        if worst in _UNDERLINED:
            rails[worst].append((run.first, run.count))
        if rest is None:
            whole[worst] += (f"M{run.first * SLOT_WIDTH} {line}h{run.count * SLOT_WIDTH}" for line in _LINES[worst])
            continue
        notch = _notch(run.bucket, worst)
        for place in range(run.first, run.first + run.count):
            middle = place * SLOT_WIDTH + _DRAWN_WIDTH / 2
            parts[worst].append((middle, _HEIGHT, _HEIGHT - notch))
            parts[rest].append((middle, _HEIGHT - notch - _GAP, 0))
    for face in FACES:
        if whole[face]:
            yield f"slot-{face}", "".join(whole[face])
        if parts[face]:
            yield f"slot-{face} slot-part", "".join(_upright(parts[face]))
        if rails[face]:
            yield (
                f"slot-{face} slot-rail",
                "".join(
                    f"M{first * SLOT_WIDTH} {_RAIL}h{count * SLOT_WIDTH}" for first, count in _joined(rails[face])
                ),
            )


def _upright(lines: Iterable[tuple[float, int, int]]) -> Iterator[str]:
    """Yield the path of upright lines, each at a place from foot to head: from one to the next, as that is shorter.

    A page of what is down each day has thousands of them.
    """
    at: tuple[float, int] | None = None
    for middle, foot, head in lines:
        yield f"m{middle - at[0]:g} {foot - at[1]}" if at else f"M{middle:g} {foot}"
        yield f"V{head}"
        at = (middle, head)


def _notch(bucket: Bucket, worst: Face) -> int:
    share = dict(bucket.faces)[worst] / bucket.present
    return min(_HEIGHT - _LEAST_NOTCH, max(_LEAST_NOTCH, round(share * _HEIGHT)))


def _joined(runs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Put runs together that follow each other."""
    last: tuple[int, int] | None = None
    for first, count in runs:
        if last and sum(last) == first:
            last = (last[0], last[1] + count)
            continue
        if last:
            yield last
        last = (first, count)
    if last:
        yield last
