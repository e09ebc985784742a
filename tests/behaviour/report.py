"""The table held against the tests: which row is carried by how many, and what is wrong."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.behaviour.claims import Claim, Refusal, read_project
from tests.behaviour.rows import ENDPOINTS, Row, every_row, numbers, rows, threats

PROJECT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the tests say they show, and what stands against it."""

    table: tuple[Row, ...]
    tests: dict[str, tuple[Claim, ...]]  # number → claims, in order of file and test
    refusals: tuple[Refusal, ...]
    endpoints: tuple[Row, ...] = ()  # a table of its own, which is not among the 189

    @classmethod
    def of(
        cls,
        table: tuple[Row, ...],
        claims: Iterable[Claim],
        refusals: Iterable[Refusal] = (),
        endpoints: tuple[Row, ...] = (),
    ) -> "Coverage":
        by_row: dict[str, list[Claim]] = {}
        for claim in sorted(claims):
            by_row.setdefault(claim.row, []).append(claim)
        return cls(table, {row: tuple(found) for row, found in by_row.items()}, tuple(refusals), endpoints)

    @classmethod
    def of_project(cls, root: Path = PROJECT) -> "Coverage":
        return cls.of(every_row(), *read_project(root, numbers()), rows(ENDPOINTS))

    @property
    def carried(self) -> int:
        return sum(row.number in self.tests for row in self.table)

    def problems(self) -> list[str]:
        """Return what has to be mended, a line each; nothing when all is well."""
        found = [str(refusal) for refusal in self.refusals]
        found += [
            f"{row.number} has no test: {row.situation}"
            for row in (*self.table, *self.endpoints)
            if row.number not in self.tests and not row.adr
        ]
        return found

    def lines(self) -> list[str]:
        """Return the report: a line a row, then the threats that tests name, then the sum."""
        lines = [f"{row.number:<4}{self._carried_by(row)}  {row.situation}" for row in (*self.table, *self.endpoints)]
        named = [threat.number for threat in threats() if threat.number in self.tests]
        unnamed = [threat.number for threat in threats() if threat.number not in self.tests]
        lines += ["", f"threats named by tests: {', '.join(named) or 'none'}"]
        if unnamed:
            lines.append(f"threats that no test names: {', '.join(unnamed)}")
        return [*lines, "", self.summary()]

    def summary(self) -> str:
        """Return the sum, as `189 of 189`; rows that a decision changes or sets aside are named."""
        decided = [f"{row.number} (ADR {row.adr})" for row in self.table if row.adr]
        total = f"{self.carried} of {len(self.table)} rows have a test"
        return f"{total}; changed or set aside by a decision: {', '.join(decided)}" if decided else total

    def _carried_by(self, row: Row) -> str:
        count = len(self.tests.get(row.number, ()))
        if not count:
            return f"{'ADR ' + row.adr if row.adr else 'NO TEST':>8}"
        return f"{count:>2} {'test' if count == 1 else 'tests':<5}"
