"""docs/security.md: each claim names tests, and each of them is there and is run."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs/security.md"
_CLAIM = re.compile(r"\| (?P<number>\d+) \| (?P<claim>[^|]+) \| (?P<shown_by>[^|]+) \|")
_TEST = re.compile(r"`(?P<path>tests/[\w/]+\.py)::(?P<name>[\w:]+)`")


def claims() -> dict[int, list[tuple[str, str]]]:
    """Return the tests of each claim, by its number: path and name."""
    found = [match for line in PAGE.read_text(encoding="utf-8").splitlines() if (match := _CLAIM.fullmatch(line))]
    return {int(match["number"]): _TEST.findall(match["shown_by"]) for match in found}


def defined_in(source: str) -> set[str]:
    """Return the tests that a file defines and does not mark as skipped, those of a class as `Class::name`."""
    return set(_tests(ast.parse(source).body))


def _tests(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not _is_skipped(node):
            yield from _tests(node.body, f"{prefix}{node.name}::")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _is_skipped(node):
            yield f"{prefix}{node.name}"


def _is_skipped(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(mark in ast.unparse(decorator) for decorator in node.decorator_list for mark in ("skip", "xfail"))


@pytest.mark.parametrize(("number", "shown_by"), claims().items())
def test_claim_is_shown_by_tests_that_are_run(number: int, shown_by: list[tuple[str, str]]) -> None:
    assert shown_by, f"claim {number} names no test"
    for path, name in shown_by:
        assert name in defined_in((PROJECT / path).read_text(encoding="utf-8")), f"claim {number}: no {path}::{name}"


def test_claims_are_numbered_one_after_the_other() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert list(claims()) == list(range(1, len(claims()) + 1))
    assert len(claims()) == len(re.findall(r"^\| \d", text, re.MULTILINE)), "a claim that this test cannot read"


def test_test_that_is_skipped_or_gone_shows_nothing() -> None:
    source = "@pytest.mark.skip\ndef test_a(): ...\nclass TestB:\n  @pytest.mark.xfail\n  def test_c(self): ...\n"
    assert defined_in(source + "  def test_d(self): ...\n") == {"TestB::test_d"}
