"""docs/reference/events.md says what the code does."""

import re
from pathlib import Path

import pytest

from probes.policy.expiry import STEPS_DAYS
from probes.policy.happenings import SEVERITIES, EventKind
from probes.policy.tags import MOST_MOVES, SPLIT_AFTER

PAGE = (Path(__file__).parents[2] / "docs/reference/events.md").read_text(encoding="utf-8")
WORDS = " ".join(PAGE.split())
ROWS = {
    cells[1].strip(" `"): cells for line in PAGE.splitlines() if (cells := line.split("|"))[1:] and "`" in cells[1]
}


def test_every_kind_has_its_row() -> None:
    assert list(ROWS) == list(EventKind)


@pytest.mark.parametrize("kind", EventKind)
def test_row_tells_the_severity(kind: EventKind) -> None:
    told = "by the step" if kind.endswith("_expiring") else SEVERITIES[kind]
    assert ROWS[kind][2].strip() == told


def test_page_tells_the_steps_and_the_bounds() -> None:
    (first, second, third, last) = STEPS_DAYS
    assert f"At {first} days (info), {second} and {third} (warning), {last} (critical)" in WORDS
    assert f"`KAIROS_TAG_SPLIT_SECONDS` (default {SPLIT_AFTER.total_seconds():.0f})" in WORDS
    assert re.search(rf"No more than {MOST_MOVES} moves of a tag are told within an hour", WORDS)
