"""How a test says which rows it shows, and what is refused."""

from textwrap import dedent

import pytest

from tests.behaviour.claims import read_project, read_source
from tests.behaviour.report import PROJECT
from tests.behaviour.rows import numbers

KNOWN = ("B2", "B11", "C5", "C8", "M28", "S7", "T31")


def read(source: str) -> tuple[set[str], list[str]]:
    """Return `TEST ROW` for each claim, and the refusals."""
    claims, refusals = read_source(dedent(source), "tests/unit/test_it.py", KNOWN)
    return {f"{claim.test} {claim.row}" for claim in claims}, [str(refusal) for refusal in refusals]


@pytest.mark.parametrize(
    ("docstring", "rows"),
    [
        ("M28.", {"M28"}),
        ("M28, B11: the login stays at home.", {"M28", "B11"}),
        ("M28, S7\n\n    A threat is claimed like a row.", {"M28", "S7"}),
        ("B11, E.2, part F: parts of the page are cited beside rows.", {"B11"}),
        ("D.2, M28.", {"M28"}),
        ("C.3: a part alone.", set()),
        ("The login stays at home, by M28.", set()),
        ("A 403 of the registry's own would (T31).", set()),
        ("Limits, D.2: T31, M28.", set()),
        ("", set()),
    ],
)
def test_docstring_claims_rows_at_its_very_beginning(docstring: str, rows: set[str]) -> None:
    claims, refusals = read(f'def test_it():\n    """{docstring}"""')
    assert claims == {f"test_it {row}" for row in rows}
    assert refusals == []


@pytest.mark.parametrize(
    "docstring", ["T31 is about another status.", "M28 B11: no comma.", "M28,B11.", "M28, and more."]
)
def test_what_begins_like_a_claim_and_is_none_is_refused(docstring: str) -> None:
    claims, [refusal] = read(f'def test_it():\n    """{docstring}"""')
    assert claims == set()
    assert refusal.startswith("tests/unit/test_it.py:1: test_it: begins like a row's number")


@pytest.mark.parametrize("docstring", ["M99.", "M28, X1: planted."])
def test_unknown_row_is_refused_where_it_stands(docstring: str) -> None:
    _, [refusal] = read(f'\n\ndef test_it():\n    """{docstring}"""')
    assert refusal in (
        "tests/unit/test_it.py:3: test_it: there is no row M99",
        "tests/unit/test_it.py:3: test_it: there is no row X1",
    )


def test_each_test_of_a_class_shows_what_the_class_says() -> None:
    claims, _ = read('''
        class TestBlob:
            """B2: by one byte."""

            def test_one(self):
                """M28."""

            async def test_other(self): ...

            def helper(self):
                """B11: no test."""
    ''')
    assert claims == {"TestBlob.test_one B2", "TestBlob.test_one M28", "TestBlob.test_other B2"}


def test_what_is_no_test_claims_nothing() -> None:
    claims, refusals = read('''
        """M28: a module."""

        def registry():
            """M99: a fixture."""

        class Registry:
            """B2: a fake."""

            def test_like(self):
                """B11: a method."""
    ''')
    assert (claims, refusals) == (set(), [])


def test_case_claims_rows_at_the_beginning_of_its_id() -> None:
    claims, refusals = read("""
        @pytest.mark.parametrize("a", [pytest.param(1, id="B2-size"), pytest.param(2, id="about-M28")])
        @pytest.mark.parametrize("b", [1, 2, 3], ids=["C5-C8", "T31-401", "plain"])
        @pytest.mark.parametrize("c", [pytest.param(n, id=f"B11-{n}") for n in (1, 2)])
        def test_it(a, b, c): ...
    """)
    assert claims == {f"test_it {row}" for row in ("B2", "B11", "C5", "C8", "T31")}
    assert refusals == []


def test_cases_may_stand_in_a_table_above() -> None:
    claims, _ = read("""
        CASES = [pytest.param(1, id="M28")]
        TYPED: tuple[object, ...] = (pytest.param(1, id="B2"),)
        OTHER = [pytest.param(1, id="B11")]

        @pytest.mark.parametrize("a", [*CASES, *TYPED])
        def test_it(a): ...
    """)
    assert claims == {"test_it M28", "test_it B2"}


def test_ids_that_are_made_by_a_function_claim_nothing() -> None:
    assert read('@pytest.mark.parametrize("a", [1], ids=str)\ndef test_it(a): ...') == (set(), [])


def test_unknown_row_of_a_case_is_refused() -> None:
    _, [refusal] = read('@pytest.mark.parametrize("a", [1], ids=["M28-B99"])\ndef test_it(a): ...')
    assert refusal == "tests/unit/test_it.py:1: test_it: there is no row B99"


def test_every_claim_of_this_project_is_one() -> None:
    claims, refusals = read_project(PROJECT, numbers())
    assert refusals == []
    assert len(claims) > 200
