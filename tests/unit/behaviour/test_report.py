"""The table held against the tests: what is reported, and what fails the check."""

import sys
from pathlib import Path

import pytest

from tests.behaviour import __main__ as command
from tests.behaviour.claims import Claim, Refusal
from tests.behaviour.page import page
from tests.behaviour.report import Coverage
from tests.behaviour.rows import Row

CARRIED = Row(number="B1", situation="How a blob is probed", conduct="By one byte.")
BARE = Row(number="B2", situation="206", conduct="Compares.", verdict=("unavailable/size_mismatch",))
ASIDE = Row(number="E18", situation="All at once", conduct="Nothing.", adr="0016")
TABLE = (CARRIED, BARE, ASIDE)


def claim(row: str, test: str = "test_it") -> Claim:
    return Claim(row, "tests/unit/test_it.py", test)


def test_row_without_a_test_is_a_problem() -> None:
    assert Coverage.of(TABLE, [claim("B1")]).problems() == ["B2 has no test: 206"]


def test_row_that_a_decision_sets_aside_needs_no_test_and_may_have_one() -> None:
    assert Coverage.of((ASIDE,), []).problems() == []
    assert Coverage.of((ASIDE,), [claim("E18")]).problems() == []


def test_what_was_refused_is_a_problem() -> None:
    refusal = Refusal("tests/unit/test_it.py", 3, "there is no row M99")
    coverage = Coverage.of((CARRIED,), [claim("B1")], [refusal])
    assert coverage.problems() == ["tests/unit/test_it.py:3: there is no row M99"]


def test_report_has_a_line_a_row_and_a_sum() -> None:
    lines = Coverage.of(TABLE, [claim("B1"), claim("B1", "test_other")]).lines()
    assert lines[:3] == [
        "B1   2 tests  How a blob is probed",
        "B2   NO TEST  206",
        "E18 ADR 0016  All at once",
    ]
    assert lines[-1] == "1 of 3 rows have a test; changed or set aside by a decision: E18 (ADR 0016)"


class TestCommand:
    """The check and the page, with a project of their own."""

    @pytest.fixture(autouse=True)
    def here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(command, "PROJECT", tmp_path)
        monkeypatch.setattr(command, "PAGE", tmp_path / "behaviour.md")

    def run(self, monkeypatch: pytest.MonkeyPatch, coverage: Coverage, *arguments: str) -> int:
        monkeypatch.setattr(Coverage, "of_project", lambda: coverage)
        monkeypatch.setattr(sys, "argv", ["behaviour", *arguments])
        return command.main()

    def test_check_fails_over_a_row_without_a_test(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        coverage = Coverage.of((BARE,), [])
        command.PAGE.write_text(page(coverage))
        assert self.run(monkeypatch, coverage, "--check") == 1
        assert capsys.readouterr().err == "B2 has no test: 206\n"

    def test_check_fails_over_a_page_out_of_date_until_it_is_written(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        coverage = Coverage.of((CARRIED,), [claim("B1")])
        assert self.run(monkeypatch, coverage, "--check") == 1
        assert (
            "behaviour.md is not what the table, the code and the tests say: make behaviour"
            in capsys.readouterr().err
        )
        assert self.run(monkeypatch, coverage, "--write") == 0
        assert self.run(monkeypatch, coverage, "--check") == 0
        command.PAGE.write_text(page(coverage).replace("`size_mismatch`", "`size_matters`"))
        assert self.run(monkeypatch, coverage, "--check") == 1
        assert "size_matters" in capsys.readouterr().err

    def test_page_links_a_row_to_its_tests(self) -> None:
        shown = page(Coverage.of((CARRIED,), [claim("B1", "TestBlob.test_it")]))
        assert "| **B1** | How a blob is probed |" in shown
        assert "[test_it](../../tests/unit/test_it.py)" in shown
