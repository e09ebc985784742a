"""The project's own tables: what a registry or an endpoint may do, what Kairos does then, and how that is told.

Each part is a TOML file in `table/`, for people to read and for the report, the page and the tests to share.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

TABLE: Final = Path(__file__).parent / "table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the table. `size` is how many rows it has: a number that is left out is noticed."""

    letter: str
    file: str
    title: str
    size: int


PARTS: Final = (
    Part(letter="R", file="a1_reference", title="References", size=18),
    Part(letter="N", file="a2_transport", title="Address, TLS, connection", size=20),
    Part(letter="C", file="a3_challenge", title="Challenges", size=23),
    Part(letter="T", file="a4_token", title="Tokens", size=35),
    Part(letter="M", file="a5_manifest", title="Manifests", size=31),
    Part(letter="P", file="a6_platform", title="Indexes and platforms", size=16),
    Part(letter="B", file="a7_blob", title="Blobs and redirects", size=25),
    Part(letter="E", file="a8_error", title="Errors, throttling, retries", size=21),
)
ENDPOINTS: Final = Part(letter="H", file="h_endpoint", title="Endpoints", size=23)
THREATS: Final = Part(letter="S", file="threats", title="Threats", size=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One situation. `verdict` holds `status/reason`, every way in which it can end; empty where it goes on.

    `adr` is the number of the decision that changes the row, or sets it or a part of it aside; only then may it be
    without a test.
    """

    number: str
    situation: str
    conduct: str
    verdict: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    adr: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threat:
    """One threat, and what holds it: `held` are `PATH:NAME`, a file of the project and what to look at in it."""

    number: str
    threat: str
    control: str
    held: tuple[str, ...]


@cache
def rows(part: Part) -> tuple[Row, ...]:
    """Return the rows of a part in order. Raises `ValueError` when one is missing, unknown or malformed."""
    return tuple(Row(number=number, **entry) for number, entry in _entries(part))


@cache
def threats() -> tuple[Threat, ...]:
    """Return the threats in order. Raises `ValueError` as `rows` does."""
    return tuple(Threat(number=number, **entry) for number, entry in _entries(THREATS))


def every_row() -> tuple[Row, ...]:
    """Return the whole table of what a registry may do."""
    return tuple(row for part in PARTS for row in rows(part))


def numbers() -> frozenset[str]:
    """Return the numbers that a test may claim: of rows and of threats."""
    table = (*every_row(), *rows(ENDPOINTS))
    return frozenset(row.number for row in table) | {threat.number for threat in threats()}


def _entries(part: Part) -> Iterator[tuple[str, dict[str, Any]]]:
    document = tomllib.loads((TABLE / f"{part.file}.toml").read_text())
    expected = [f"{part.letter}{number}" for number in range(1, part.size + 1)]
    if list(document) != expected:
        raise ValueError(f"{part.file}.toml does not hold {expected[0]} to {expected[-1]}, in order")
    for number, entry in document.items():
        yield number, {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
