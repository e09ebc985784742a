"""The ladder's table as HTML. PURE. A hundred cells with six things each took a template half of the page's time.

Nothing foreign gets in unescaped: each such value passes `conditional_escape` where it is written, which leaves the
elements of times as they are; the rest are slugs, states and looks of ours.
"""

from typing import Final

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

from dashboard.image.ladder import Cell, Head, Ladder, Row
from dashboard.words import Look

_SYMBOLS: Final = {
    look: f'<svg class="symbol" aria-hidden="true"><use href="#symbol-{look}"/></svg>' for look in Look
}


def table(ladder: Ladder) -> SafeString:
    """Return head and body: a column a region, whose head's id is `rung-head-<slug>`, and a row a rung."""
    heads, rows = "".join(map(_head, ladder.heads)), "".join(map(_row, ladder.rows))
    return SafeString(f'<thead><tr><th scope="col">Step</th>{heads}</tr></thead>\n<tbody>{rows}</tbody>')


def _head(head: Head) -> str:
    note = f", {conditional_escape(head.note)}" if head.note else ""
    slug = conditional_escape(head.slug)
    return (
        f'<th scope="col" class="is-{head.look}" id="rung-head-{slug}">{_SYMBOLS[head.look]} '
        f'<a class="rung-region" href="#from-{slug}">{conditional_escape(head.name)}</a> '
        f'<span class="rung-age">{conditional_escape(head.age)}{note}</span></th>\n'
    )


def _row(row: Row) -> str:
    if row.hosts:
        hosts = f' <span class="rung-host">{conditional_escape(row.hosts)}</span>'
    else:
        hosts = ' <span class="rung-host rung-differ">hosts differ</span>' if row.hosts_differ else ""
    cells = "".join(_cell(row, cell) for cell in row.cells)
    broken = ' class="has-broken"' if row.is_broken else ""
    return (
        f'<tr id="rung-{row.rung}"{broken}><th scope="row">'
        f'<span class="rung-name" title="{row.meaning}">{row.name}</span>{hosts}</th>{cells}</tr>\n'
    )


def _cell(row: Row, cell: Cell) -> str:
    """Return one cell, `rung-<rung>-<slug>`: what it is, and what is known of it beside that."""
    state = cell.state or "no_data"
    look = f" is-{cell.look}" if cell.look else ""
    answer = f' <b class="rung-answer">{conditional_escape(cell.answer)}</b>' if cell.answer else ""
    time = f' <span class="rung-time">{conditional_escape(cell.time)}</span>' if cell.time else ""
    note = f' <span class="rung-note">{conditional_escape(cell.note)}</span>' if cell.note else ""
    said = f'<span class="rung-word">{conditional_escape(cell.said)}</span>{answer}'
    return (
        f'<td id="rung-{row.rung}-{conditional_escape(cell.slug)}" class="rung is-rung-{state}{look}" '
        f'data-look="{cell.look or state}"><span class="rung-said">{_SYMBOLS[cell.look] if cell.look else ""}{said}'
        f"</span>{time}{note}{_host(cell)}</td>\n"
    )


def _host(cell: Cell) -> str:
    if not cell.host:
        return ""
    address = f' <span class="rung-address">{conditional_escape(cell.address)}</span>' if cell.address else ""
    return f' <span class="rung-host">{conditional_escape(cell.host)}{address}</span>'
