"""docs/reference/problems.md says what the code does."""

from pathlib import Path

from api.codes import PROBLEMS, USUAL

PAGE = (Path(__file__).parents[2] / "docs/reference/problems.md").read_text(encoding="utf-8")
TABLE = PAGE.split("## Codes of fields", maxsplit=1)[0]


def test_every_code_has_its_row_with_its_status_and_title() -> None:
    rows = [[cell.strip() for cell in line.split("|")] for line in TABLE.splitlines() if line.startswith("| `")]
    assert [(row[1].strip("`"), int(row[2]), row[3]) for row in rows] == [
        (code, kind.status, kind.title) for code, kind in PROBLEMS.items()
    ]
    assert all(row[4] for row in rows)


def test_codes_by_status_are_of_that_status() -> None:
    assert all(PROBLEMS[code].status == status for status, code in USUAL.items())
