"""The figures as a table, and the page that shows them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tests.edge.expectations import EXPECTED
from tests.edge.report import Report

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "reference" / "faults.md"
BEGIN: Final = "<!-- figures: make faults -->\n"
END: Final = "<!-- end of figures -->\n"

_HEAD: Final = (
    *("fault", "held", "slots", "missed", "on time again", "events of the region", "verdicts"),
    *("longest queue", "longest of ours", "broker's memory"),
)


def table(reports: Iterable[Report]) -> str:
    rows = [_HEAD, tuple("---" for _ in _HEAD), *(_row(report) for report in reports)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def write(reports: Iterable[Report]) -> None:
    """Put the figures where the page has them."""
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n{table(reports)}\n{END}{tail}", encoding="utf-8")


def _row(report: Report) -> Sequence[str]:
    remarks = "".join(f"; {name} {value}" for name, value in report.remarks.items())
    return (
        f"`{report.case}`: {EXPECTED[report.case].what}{remarks}",
        f"{report.held_seconds:.0f} s",
        str(report.slots),
        ", ".join(f"{count} {cause}" for cause, count in report.missed.items()) or "none",
        f"after {report.untimely_after:.0f} s" if report.untimely_after else "at once",
        ", ".join(event.partition(": ")[2] for event in report.events) or "none",
        ", ".join(report.verdicts) or "unchanged",
        str(report.longest_queue),
        str(report.longest_central_queue),
        f"{report.broker_bytes / 1024 / 1024:.1f} MiB",
    )
