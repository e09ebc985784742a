"""The matrix as HTML. PURE. Five hundred cells are too many for templates, which take ten times as long for them.

Nothing foreign gets in unescaped: every value passes `format_html`, or `escape` in cells.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from secrets import token_hex
from typing import Final
from urllib.parse import quote

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard import words
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


def symbol(look: Look) -> SafeString:
    return _SYMBOLS[look]


def lasted(at: datetime, now: datetime) -> SafeString:
    """Return for how long something has been so; `times.js` lets it go on."""
    at = at.astimezone(UTC)
    said = words.span((now - at).total_seconds())
    return SafeString(f'<time datetime="{at:%Y-%m-%dT%H:%M:%S}Z" data-time="span">{said}</time>')


def rows_html(
    rows: Iterable[RowView], links: Links, measured: Mapping[int, Measures], now: datetime
) -> dict[int, SafeString]:
    """Return the rows of a table by their ids; what there is no measure of is shown as that."""
    return {row.id: row_html(row, links, measured.get(row.id, NOT_MEASURED), now) for row in rows}


def joined(rows: Iterable[SafeString], label: str) -> SafeString:
    """Return rows one after the other; `label` is the address of the page for one label, without it."""
    return SafeString("".join(rows).replace(LABEL, escape(label)))


def row_html(row: RowView, links: Links, measures: Measures, now: datetime) -> SafeString:
    """Return one row; its id is `image-<id>`."""
    url = links.to(row.id)
    return format_html(
        '<tr id="image-{}"><th scope="row">{}</th>{}{}{}</tr>\n',
        row.id,
        _name(row, url, links),
        _verdict(row, now),
        _measures(row, measures),
        _joined(_NO_CELL if cell is None else _cell(cell, escape(url), now) for cell in row.cells),
    )


def _joined(parts: Iterable[SafeString]) -> SafeString:
    """Return markup after markup: each part is safe already."""
    return SafeString("".join(parts))


def _name(row: RowView, url: str, links: Links) -> SafeString:
    """Return the head of a row: its name with labels, as far as there is room, its reference, and what is odd."""
    return format_html(
        '<div class="image-line"><a class="image-name" id="name-{}" href="{}">{}</a> {}{}</div>'
        '<div class="image-line image-reference"><span class="mono" title="{}">{}</span> {}</div>{}',
        row.id,
        url,
        row.name,
        format_html_join(
            "",
            '<a class="tag" href="{}{}">{}</a> ',
            ((LABEL, quote(label, safe=""), label) for label in row.labels),
        ),
        format_html('<span class="muted">+{}</span>', row.others) if row.others else _NOTHING,
        ", ".join(filter(None, (row.registry, row.schedule))),
        row.reference,
        _change(row, links.change) if links.change else _NOTHING,
        _oddities(row),
    )


def _change(row: RowView, address: str) -> SafeString:
    return format_html(
        '<a class="image-change" id="change-{}" href="{}">Change<span class="unseen"> {}</span></a>',
        row.id,
        address.replace("/0/", f"/{row.id}/"),
        row.name,
    )


def _oddities(row: RowView) -> SafeString:
    found = []
    if row.unlisted:
        told = f"Its source lists it no more, {row.unlisted}. It is checked until it is retired, unless listed again."
        found.append(
            format_html('<span class="tag" id="unlisted-{}" title="{}">not listed any more</span>', row.id, told)
        )
    if row.digests_differ:
        found.append(_DIFFER)
    return format_html('<div class="image-odd">{}</div>', _joined(found)) if found else _NOTHING


def _verdict(row: RowView, now: datetime) -> SafeString:
    lines = [row.work, row.was, row.because]
    return format_html(
        '<td id="verdict-{}" class="verdict is-{}{}" data-look="{}"><span class="badge">{} {}</span>{}{}</td>',
        row.id,
        row.look,
        " hatched" if row.was else "",
        row.look,
        symbol(row.look),
        row.look.label,
        format_html(' <span class="since">{}</span>', lasted(row.since, now)) if row.since else _NOTHING,
        format_html_join("", ' <span class="because">{}</span>', ((line,) for line in lines if line)),
    )


def _measures(row: RowView, measures: Measures) -> SafeString:
    return format_html(
        '<td class="history" id="history-{}">{}<span class="figure-small">{}</span></td>'
        '<td class="latency" id="latency-{}">{}<span class="figure-small">{}</span>{}</td>',
        row.id,
        measures.bar,
        measures.uptime or "no data",
        row.id,
        measures.sparkline,
        measures.latency or "no data",
        format_html('<span class="figure-small latest">last {}</span>', row.slowest) if row.slowest else _NOTHING,
    )


def _cell(cell: CellView, url: str, now: datetime) -> SafeString:
    """Return one cell, whose `url` is escaped. What is well says so by its symbol, and what is not by words as well.

    There are hundreds: what is foreign is escaped here, which takes a quarter of the time of `format_html`.
    """
    look, foreign = cell.look, escape(cell.said) if cell.said else ""
    is_well = look is Look.AVAILABLE and not foreign
    label = f'<span class="unseen">{look.label}, </span>' if is_well or foreign else ""
    said = "" if is_well else f'<span class="cell-said">{foreign or look.label}</span>'
    vote = f'<span class="cell-vote">vote {cell.vote}</span>' if cell.vote else ""
    manner = " hatched" if not cell.counts else " is-loud" if look in _LOUD else ""
    more = "\n".join(cell.more)
    return SafeString(
        f'<td class="cell is-{look}{manner}" id="{escape(cell.id)}" data-look="{look}">'
        f'<a href="{url}#from-{escape(cell.slug)}" title="{escape(more)}">'
        f"{_SYMBOLS[look]}{label}{said}{lasted(cell.at, now) if cell.at else ''}{vote}</a></td>"
    )
