"""docs/reference/regions.md says what the code does."""

from pathlib import Path

import pytest

from probes.edge.settings import CANARIES
from probes.policy.liveness import RegionCondition

PAGE = (Path(__file__).parents[2] / "docs/reference/regions.md").read_text(encoding="utf-8")
ROWS = {
    line.split("`")[1]: [cell.strip() for cell in line.split("|")] for line in PAGE.splitlines() if line[:3] == "| `"
}


def test_every_condition_has_its_row_in_the_order_of_precedence() -> None:
    assert [name for name in ROWS if not name.startswith("KAIROS_")] == list(RegionCondition)


@pytest.mark.parametrize("condition", RegionCondition)
def test_row_says_whether_the_region_votes(condition: RegionCondition) -> None:
    assert ROWS[condition][4] == ("yes" if condition.votes else "no")


def test_canaries_that_are_asked_by_default_are_named() -> None:
    assert all(f"`{url}`" in PAGE for url in CANARIES)
