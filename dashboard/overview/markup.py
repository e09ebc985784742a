"""The matrix as HTML. PURE. Five hundred cells are too many for templates, which take ten times as long for them.

Nothing foreign gets in unescaped: each such value passes `escape` where it is written, which takes a quarter of the
time of `format_html`; the rest are numbers, looks and markup of ours.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from secrets import token_hex
from typing import Final
from urllib.parse import quote

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from dashboard import words
from dashboard.instants import written
from dashboard.overview.matrix import CellView, RowView
from dashboard.words import Look

_NO_CELL: Final = SafeString(
    '<td class="cell cell-none"><span aria-hidden="true">&ndash;</span>'
    '<span class="unseen">Not checked from here</span></td>'
)
_DIFFER: Final = SafeString(
    '<span class="tag tag-notable" title="Regions see different images under this tag.">digests differ</span>'
)
_NOTHING: Final = SafeString()
_LOUD: Final = frozenset({Look.UNAVAILABLE, Look.DEGRADED, Look.INDETERMINATE, Look.CONFIG_ERROR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What was measured of a resource over the window, drawn; empty where nothing was."""

    bar: SafeString = _NOTHING
    uptime: str = ""
    latency: str = ""
    sparkline: SafeString = _NOTHING


NOT_MEASURED: Final = Measures()

LABEL: Final = f"label-{token_hex(8)}-"
"""Stands in rows for the address of the page for one label, in which alone some pages differ. Nobody can write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where a row leads to: addresses with `0` in place of the id; `change` is empty for who may change nothing."""

    image: str
    change: str = ""

    def to(self, image: int) -> str:
        return self.image.replace("/0/", f"/{image}/")


_SYMBOLS: Final = {
    look: SafeString(f'<svg class="symbol" aria-hidden="true"><use href="#symbol-{look}"/></svg>') for look in Look
}


def lasted(at: datetime, now: datetime) -> SafeString:
    """Return for how long something has been so; `times.js` lets it go on."""
    said = words.span((now - at).total_seconds())
    return SafeString(f'<time datetime="{written(at)}" data-time="span">{said}</time>')


def rows_html(
    rows: Iterable[RowView], links: Links, measured: Mapping[int, Measures], now: datetime
) -> dict[int, SafeString]:
    """Return the rows of a table by their ids; what there is no measure of is shown as that."""
    return {row.id: row_html(row, links, measured.get(row.id, NOT_MEASURED), now) for row in rows}


def joined(rows: Iterable[SafeString], label: str) -> SafeString:
    """Return rows one after the other; `label` is the address of the page for one label, without it."""
    return SafeString("".join(rows).replace(LABEL, escape(label)))


def counts(found: Iterable[tuple[Look, int]]) -> SafeString:
    """Return how many there are of each look."""
    return SafeString(
        "\n".join(
            f'<span class="section-count is-{look}" title="{escape(look.label)}">{_SYMBOLS[look]} {count}'
            f'<span class="unseen"> {escape(look.label)}</span></span>'
            for look, count in found
        )
    )


def row_html(row: RowView, links: Links, measures: Measures, now: datetime) -> SafeString:
    """Return one row; its id is `image-<id>`."""
    url = escape(links.to(row.id))
    cells = "".join(_NO_CELL if cell is None else _cell(cell, row.id, url, now) for cell in row.cells)
    return SafeString(
        f'<tr id="image-{row.id}"><th scope="row">{_name(row, url, links)}</th>{_verdict(row, now)}'
        f"{_measures(row, measures)}{cells}</tr>\n"
    )


def _name(row: RowView, url: str, links: Links) -> str:
    """Return the head of a row: its name with labels, as far as there is room, its reference, and what is odd."""
    name = escape(row.name)
    labels = "".join(
        f'<a class="tag" href="{LABEL}{quote(label, safe="")}">{escape(label)}</a> ' for label in row.labels
    )
    others = f'<span class="muted">+{row.others}</span>' if row.others else ""
    checked = escape(", ".join(filter(None, (row.registry, row.schedule))))
    return (
        f'<div class="image-line"><a class="image-name" id="name-{row.id}" href="{url}">{name}</a> {labels}{others}'
        f'</div><div class="image-line image-reference"><span class="mono" title="{checked}">{escape(row.reference)}'
        f"</span> {_change(row, name, links.change) if links.change else ''}</div>{_oddities(row)}"
    )


def _change(row: RowView, name: str, address: str) -> str:
    own = escape(address.replace("/0/", f"/{row.id}/"))
    return f'<a class="image-change" id="change-{row.id}" href="{own}">Change<span class="unseen"> {name}</span></a>'


def _oddities(row: RowView) -> SafeString:
    found = []
    if row.unlisted:
        told = f"Its source lists it no more, {row.unlisted}. It is checked until it is retired, unless listed again."
        found.append(
            format_html('<span class="tag" id="unlisted-{}" title="{}">not listed any more</span>', row.id, told)
        )
    if row.digests_differ:
        found.append(_DIFFER)
    return SafeString(f'<div class="image-odd">{"".join(found)}</div>') if found else _NOTHING


def _verdict(row: RowView, now: datetime) -> str:
    look = row.look
    since = f' <span class="since">{lasted(row.since, now)}</span>' if row.since else ""
    # What is planned has a time in it, which is an element.
    lines = "".join(
        f' <span class="because">{conditional_escape(line)}</span>'
        for line in (row.work, row.was, row.because)
        if line
    )
    return (
        f'<td id="verdict-{row.id}" class="verdict is-{look}{" hatched" if row.was else ""}" data-look="{look}">'
        f'<span class="badge">{_SYMBOLS[look]} {look.label}</span>{since}{lines}</td>'
    )


def _measures(row: RowView, measures: Measures) -> str:
    latest = f'<span class="figure-small latest">last {escape(row.slowest)}</span>' if row.slowest else ""
    return (
        f'<td class="history" id="history-{row.id}">{measures.bar}'
        f'<span class="figure-small">{escape(measures.uptime) or "no data"}</span></td>'
        f'<td class="latency" id="latency-{row.id}">{measures.sparkline}'
        f'<span class="figure-small">{escape(measures.latency) or "no data"}</span>{latest}</td>'
    )


def _cell(cell: CellView, image: int, url: str, now: datetime) -> str:
    """Return one cell; `url` is escaped. What is well says so by its symbol, and what is not by words as well."""
    look, slug, foreign = cell.look, escape(cell.slug), escape(cell.said) if cell.said else ""
    is_well = look is Look.AVAILABLE and not foreign
    label = f'<span class="unseen">{look.label}, </span>' if is_well or foreign else ""
    said = "" if is_well else f'<span class="cell-said">{foreign or look.label}</span>'
    vote = f'<span class="cell-vote">vote {cell.vote}</span>' if cell.vote else ""
    manner = " hatched" if not cell.counts else " is-loud" if look in _LOUD else ""
    more = "\n".join(cell.more)
    return (
        f'<td class="cell is-{look}{manner}" id="cell-{image}-{slug}" data-look="{look}">'
        f'<a href="{url}#from-{slug}" title="{escape(more)}">'
        f"{_SYMBOLS[look]}{label}{said}{lasted(cell.at, now) if cell.at else ''}{vote}</a></td>"
    )
