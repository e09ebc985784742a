"""Bars of timelines: one upright slot a bucket, its worst at the foot and as high as its share. PURE.

Slots that show one thing alone are drawn together, as one dashed line for each look: a page has fifty of these bars.
What a slot says is in `data-slots`, for the tooltip of `charts.js`; what the bar says as a whole in its label.

Each look has a shape of its own as well as a colour: what was bad is underlined (a dash where it was unavailable, a
dot where it was degraded), unknown is hatched, maintenance is two bands, a pause one, and no data a dotted base line.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Final

from django.utils.html import format_html
from django.utils.safestring import SafeString

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
# Parts of these are plain: so many of one height in a row are shorter as one dashed line of that width.
_PLAIN: Final = (*_UNDERLINED, Face.AVAILABLE)
_LEAST_LEVEL: Final = 8
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
    causes, grid = _causes(bar), bar.grid
    said = escape(f"{label}: {told(bar, unattended=unattended)}")
    more = ""
    if causes:
        more += f' data-causes="{escape("|".join(words.reason(cause).replace("|", "/") for cause in causes))}"'
    if unattended:
        more += f' data-paused="{escape(names(unattended)[Face.PAUSED])}"'
    if is_focusable:
        more += ' tabindex="0"'
    # There are fifty on a page: what is foreign is escaped here, which takes a third of the time of `format_html`.
    return SafeString(
        f'<svg class="slots" id="{escape(id)}" viewBox="0 0 {grid.count * SLOT_WIDTH} {_BOTTOM}"'
        f' preserveAspectRatio="none" role="img" aria-label="{said}"'
        f' data-origin="{grid.origin}" data-length="{grid.length}" data-since="{grid.start}" data-until="{grid.end}"'
        f' data-slots="{" ".join(_encoded(run, causes) for run in bar.runs)}"{more}>{_paths(bar.runs)}</svg>'
    )


def swatch(face: Face) -> SafeString:
    """Return three slots of a face, for a legend."""
    run = Run(0, 3, Bucket(seconds=tuple(int(one is face) for one in FACES)))
    return format_html(
        '<svg class="slots swatch" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">{}</svg>',
        3 * SLOT_WIDTH,
        _BOTTOM,
        _paths([run]),
    )


def told(bar: Bar, *, unattended: str = "", is_brief: bool = False) -> str:
    """Return what a bar shows, in words: `uptime 99.2 %, 12 min unavailable`.

    Uptime is of the time that counts, and what was degraded is up. Briefly, what does not count is told as one.
    """
    counts, called = bar.faces, names(unattended)
    if not counts:
        return "nothing yet"
    if len(counts) == 1:
        return f"{called[next(iter(counts))].lower()} all the time"
    seconds = bar.seconds
    said = [f"uptime {words.percent(seconds.up, seconds.counted)}"] if seconds.counted else []
    bad = [face for face in _UNDERLINED if face in counts]
    said += (f"{words.amount(counts[face])} {called[face].lower()}" for face in bad)
    others = [face for face in FACES if face not in (*_UNDERLINED, Face.AVAILABLE) and face in counts]
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
    said = "".join([f"{LETTERS[face]}{count}" for face, count in bucket.faces]) or "-"
    if not bucket.absent and bucket.seconds.count(0) == len(FACES) - 1:
        said = said[0]
    cause = bucket.cause[:_LONGEST_CAUSE]
    return "".join(
        (
            str(run.count) if run.count > 1 else "",
            said,
            f"~{causes.index(cause)}" if cause else "",
            "" if bucket.checks is None else f"*{bucket.checks}",
        )
    )


def _paths(runs: Iterable[Run]) -> SafeString:
    """Return what is drawn: classes, numbers and letters of ours alone."""
    drawn = (f'<path class="{style}"{more} d="{path}"/>' for style, more, path in _drawn(runs) if path)
    return SafeString("".join(drawn))


def _drawn(runs: Iterable[Run]) -> Iterator[tuple[str, str, str]]:
    """Yield (style class, attributes, path) of each look: whole slots, parts of slots, and what is underlined."""
    whole: dict[Face, list[str]] = defaultdict(list)
    levels: dict[Face, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    parts: dict[Face, list[tuple[float, int, int]]] = defaultdict(list)
    rails: dict[Face, list[tuple[int, int]]] = defaultdict(list)
    for run in runs:
        worst, rest = run.bucket.worst, run.bucket.rest
        if worst is None:
            continue
        if worst in _UNDERLINED:
            rails[worst].append((run.first, run.count))
        if rest is None:
            whole[worst] += (_level(run, line) for line in _LINES[worst])
            continue
        notch, middles = _notch(run.bucket), _middles(run)
        for face, foot, head in ((worst, _HEIGHT, _HEIGHT - notch), (rest, _HEIGHT - notch - _GAP, 0)):
            if run.count >= _LEAST_LEVEL and face in _PLAIN:
                levels[face][foot - head].append(_level(run, (foot + head) / 2))
            else:
                parts[face] += [(middle, foot, head) for middle in middles]
    for face in filter({*whole, *levels, *parts}.__contains__, FACES):
        style = f"slot-{face}"
        yield style, "", "".join(whole.get(face, ()))
        for width, lines in levels.get(face, {}).items():
            yield style, f' stroke-width="{width}"', "".join(lines)
        yield f"{style} slot-part", "", "".join(_upright(parts.get(face, ())))
        yield f"{style} slot-rail", "", "".join(_rails(rails.get(face, ())))


def _level(run: Run, line: float) -> str:
    """Return the path of a level line through the slots of a run."""
    return f"M{run.first * SLOT_WIDTH} {line:g}h{run.count * SLOT_WIDTH}"


def _rails(runs: Iterable[tuple[int, int]]) -> Iterator[str]:
    """Yield the path beneath runs of slots."""
    return (f"M{first * SLOT_WIDTH} {_RAIL}h{count * SLOT_WIDTH}" for first, count in _joined(runs))


def _middles(run: Run) -> Sequence[float]:
    return [place * SLOT_WIDTH + _DRAWN_WIDTH / 2 for place in range(run.first, run.first + run.count)]


def _upright(lines: Iterable[tuple[float, int, int]]) -> Iterator[str]:
    """Yield the path of upright lines, each at a place from foot to head: from one to the next, as that is shorter.

    A page of what is down each day has thousands of them.
    """
    at: tuple[float, int] | None = None
    for middle, foot, head in lines:
        yield f"m{middle - at[0]:g} {foot - at[1]}" if at else f"M{middle:g} {foot}"
        yield f"V{head}"
        at = (middle, head)


def _notch(bucket: Bucket) -> int:
    worst = next(filter(None, bucket.seconds))  # the first of them is the worst
    return min(_HEIGHT - _LEAST_NOTCH, max(_LEAST_NOTCH, round(worst / bucket.present * _HEIGHT)))


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
