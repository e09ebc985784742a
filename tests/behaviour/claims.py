"""Which rows a test shows: read from its source, without importing it.

A test claims rows in one of two places:

- at the very beginning of its docstring, before a full stop or a colon: `M28, B11: the login stays at home.`; what
  the docstring of a class claims there, each of its tests does
- at the beginning of a case's id, one row or several joined by hyphens, then perhaps more: `R5-capital`, `C5-C8`

Parts of the page that the table came from may be cited among them: `B25, E.2`, `T5, part F`. A number anywhere else
is prose. What begins like a claim and is none is refused rather than passed over, so that a slip of the pen does not
leave a row without its test.
"""

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDERS: Final = ("tests/properties", "tests/unit", "tests/integration", "tests/interop")

_LOOKS_LIKE_A_CLAIM: Final = re.compile(r"[A-Z]\d{1,3}\b")
_ITEM: Final = r"(?:[A-Z]\d{1,3}|[A-F]\.\d|part [A-F])"
_CLAIM: Final = re.compile(rf"({_ITEM}(?:, {_ITEM})*)(?:[.:]|$)", re.MULTILINE)
_NUMBER: Final = re.compile(r"\b[A-Z]\d{1,3}\b")
_ID: Final = re.compile(r"([RNCTMPBEHS]\d{1,3}(?:-[RNCTMPBEHS]\d{1,3})*)(?:-|$)")


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """A test says that it shows a row. `path` is relative to the project; `test` is `Class.function`."""

    row: str
    path: str
    test: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """What stands where a claim stands and is none."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def read_project(root: Path, known: Collection[str]) -> tuple[set[Claim], list[Refusal]]:
    """Return the claims of every test of the project at `root`, and what was refused."""
    claims: set[Claim] = set()
    refusals: list[Refusal] = []
    for file in sorted(path for folder in FOLDERS for path in (root / folder).rglob("test_*.py")):
        found, refused = read_source(file.read_text(), file.relative_to(root).as_posix(), known)
        claims |= found
        refusals += refused
    return claims, refusals


def read_source(source: str, path: str, known: Collection[str]) -> tuple[set[Claim], list[Refusal]]:
    """Return the claims of one file of tests, and what was refused. `known` are the numbers of rows and threats."""
    module = ast.parse(source, path)
    tables = {name: value for statement in module.body for name, value in _assigned(statement)}
    claims: set[Claim] = set()
    refusals: list[Refusal] = []
    for name, documented, decorators in _tests(module):
        from_docstrings = (claim for node in documented for claim in _of_docstring(node))
        for line, rows in (*from_docstrings, *_of_ids(decorators, tables)):
            if rows is None:
                message = f"{name}: begins like a row's number; write `M28, B11: what holds.`, or other words first"
                refusals.append(Refusal(path, line, message))
                continue
            for row in rows:
                if row in known:
                    claims.add(Claim(row, path, name))
                else:
                    refusals.append(Refusal(path, line, f"{name}: there is no row {row}"))
    return claims, refusals


_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Documented = _Function | ast.ClassDef


def _tests(module: ast.Module) -> Iterator[tuple[str, list[_Documented], list[ast.expr]]]:
    """Yield each test: its name, what carries docstrings about it, and the decorators that make its cases."""
    for statement in module.body:
        if isinstance(statement, _Function) and statement.name.startswith("test"):
            yield statement.name, [statement], statement.decorator_list
        elif isinstance(statement, ast.ClassDef) and statement.name.startswith("Test"):
            for member in statement.body:
                if isinstance(member, _Function) and member.name.startswith("test"):
                    decorators = [*statement.decorator_list, *member.decorator_list]
                    yield f"{statement.name}.{member.name}", [statement, member], decorators


def _assigned(statement: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that a statement binds: a table of cases may stand above the test that uses it."""
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name):
                yield target.id, statement.value
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
        yield statement.target.id, statement.value


def _of_docstring(documented: _Documented) -> Iterator[tuple[int, list[str] | None]]:
    docstring = ast.get_docstring(documented) or ""
    if claim := _CLAIM.match(docstring):
        yield documented.lineno, _NUMBER.findall(claim[1])
    elif _LOOKS_LIKE_A_CLAIM.match(docstring):
        yield documented.lineno, None


def _of_ids(decorators: list[ast.expr], tables: dict[str, ast.expr]) -> Iterator[tuple[int, list[str]]]:
    for decorator in decorators:
        for node in _with_tables(decorator, tables):
            for keyword in node.keywords if isinstance(node, ast.Call) else ():
                for line, text in _texts(keyword):
                    if claim := _ID.match(text):
                        yield line, claim[1].split("-")


def _with_tables(expression: ast.expr, tables: dict[str, ast.expr]) -> Iterator[ast.AST]:
    """Yield every node of an expression, and of the tables that it names."""
    for node in ast.walk(expression):
        yield node
        if isinstance(node, ast.Name) and node.id in tables:
            yield from ast.walk(tables[node.id])


def _texts(keyword: ast.keyword) -> Iterator[tuple[int, str]]:
    """Yield the case ids of an `id=` or `ids=` argument; of an f-string, its beginning."""
    if keyword.arg not in ("id", "ids"):
        return
    texts = keyword.value.elts if isinstance(keyword.value, ast.List | ast.Tuple) else [keyword.value]
    for text in texts:
        first = text.values[0] if isinstance(text, ast.JoinedStr) and text.values else text
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.lineno, first.value
