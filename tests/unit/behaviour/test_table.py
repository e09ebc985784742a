"""The table speaks the taxonomy's language, and points at what is there."""

import ast

import pytest

from probes.protocol.taxonomy import MEANINGS, Reason, Status, Warn
from tests.behaviour.report import PROJECT
from tests.behaviour.rows import ENDPOINTS, PARTS, Row, Threat, every_row, rows, threats

EVERY_ROW = (*every_row(), *rows(ENDPOINTS))


def number(item: Row | Threat) -> str:
    return item.number


def test_table_has_189_rows_in_eight_parts() -> None:
    assert [f"{part.letter}{part.size}" for part in PARTS] == ["R18", "N20", "C23", "T35", "M31", "P16", "B25", "E21"]
    assert len(every_row()) == 189


@pytest.mark.parametrize("row", EVERY_ROW, ids=number)
def test_verdict_of_a_row_is_the_taxonomys(row: Row) -> None:
    for verdict in row.verdict:
        status, _, reason = verdict.partition("/")
        assert MEANINGS[Reason(reason)].status is Status(status)
    assert [Warn(warning) for warning in row.warnings] == list(row.warnings)


def test_every_reason_is_the_end_of_some_row() -> None:
    told = {Reason(verdict.partition("/")[2]) for row in EVERY_ROW for verdict in row.verdict}
    assert set(Reason) == told


@pytest.mark.parametrize("row", [row for row in every_row() if row.adr], ids=number)
def test_row_that_is_set_aside_has_its_decision(row: Row) -> None:
    [decision] = (PROJECT / "docs/adr").glob(f"{row.adr}-*.md")
    assert f"**{row.number}**" in decision.read_text()


@pytest.mark.parametrize("threat", threats(), ids=number)
def test_what_holds_a_threat_is_where_it_is_said_to_be(threat: Threat) -> None:
    for place in threat.held:
        path, _, name = place.rpartition(":")
        assert name in _names(ast.parse((PROJECT / path).read_text()))


def _names(module: ast.Module) -> set[str]:
    """Return what a module defines: functions, classes and typed constants."""
    defined: set[str] = set()
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            defined.add(node.target.id)
    return defined
