"""The quota ledger as lines of text, for `manage.py quota`."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from probes.selectors.quota import AccountLine, accounts

_HEADINGS: Final = (
    "REGISTRY",
    "ACCOUNT",
    "LIMIT",
    "LEFT",
    "OURS",
    "LOWERED",
    "PUT OFF",
    "CHECKS",
    "REQUESTS",
    "COUNTED",
)
_NOTHING: Final = "-"
_UNITS: Final = ((3600, "h"), (60, "min"))


def lines(*, days: int, now: datetime) -> Iterator[str]:
    """Yield a heading and a line for each account; what checks cost is of the last `days` days. Two queries."""
    since = now.date() - timedelta(days=days - 1)
    rows = [_HEADINGS, *(_row(item) for item in accounts(since, now=now))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(item: AccountLine) -> tuple[str, ...]:
    row = item.row
    limit = ours = _NOTHING
    if item.limit is not None and item.window_seconds is not None:
        limit, ours = f"{item.limit} in {_window(item.window_seconds)}", f"{item.spent} of {item.budget}"
    return (
        row.registry.host,
        str(row.credential) if row.credential else row.egress,
        limit,
        _NOTHING if row.remaining is None else str(row.remaining),
        ours,
        *(str(number) for number in (item.lowered, item.put_off)),
        *(str(number) for number in (item.costs.checks, item.costs.requests, item.costs.counted)),
    )


def _window(seconds: int) -> str:
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds % size == 0), (1, "s"))
    return f"{seconds // size} {unit}"
