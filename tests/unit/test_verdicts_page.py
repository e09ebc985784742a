"""docs/reference/verdicts.md says what the code does."""

import re
from pathlib import Path

from probes.policy import flapping
from probes.policy.ballot import Ballot, ballot_of
from probes.policy.confirming import CHECKS_OF_A_REGISTRY, PATIENCE
from probes.policy.terms import USUAL
from probes.protocol.taxonomy import Status

PAGE = (Path(__file__).parents[2] / "docs/reference/verdicts.md").read_text(encoding="utf-8")
WORDS = " ".join(PAGE.split())
DEFAULTS = {
    cells[1].strip(): cells[2].strip()
    for line in PAGE.splitlines()
    if (cells := line.split("|"))[1:] and len(cells) == 5
}


def test_page_names_the_default_of_every_term() -> None:
    assert DEFAULTS["`quorum_votes` or `quorum_percent`"] == f"{USUAL.quorum.percent} %"
    assert DEFAULTS["`minimum_votes`"] == str(USUAL.minimum_votes)
    assert DEFAULTS["`failures`, `recoveries`"] == f"{USUAL.failures}, {USUAL.recoveries}"
    assert DEFAULTS["`fresh_intervals`"] == str(USUAL.fresh_intervals)
    assert DEFAULTS["`severity`"] == f"`{USUAL.severity}`"
    assert DEFAULTS["`degraded_after_seconds`"] == f"{USUAL.degraded_after.total_seconds():.0f}"
    assert (DEFAULTS["`uptime_target_percent`"], USUAL.uptime_target_percent) == ("no target", None)


def test_page_gives_each_status_its_ballot() -> None:
    rows = dict(re.findall(r"^\| (`[^|]+`) \| (good|bad|none)", PAGE, re.MULTILINE))
    said = {status: ballot for statuses, ballot in rows.items() for status in re.findall(r"`(\w+)`", statuses)}
    assert said == {status: ballot_of(status, "") or "none" for status in Status}
    assert set(said.values()) == {Ballot.GOOD, Ballot.BAD, "none"}


def test_page_says_how_much_is_confirmed() -> None:
    assert f"At most {CHECKS_OF_A_REGISTRY} such checks" in WORDS
    assert f"due within {PATIENCE.total_seconds():.0f} seconds" in WORDS


def test_page_says_what_flapping_is() -> None:
    numbers = {6: "six", 2: "two"}
    assert f"turned {numbers[flapping.USUAL.enter]} times within an hour" in WORDS
    assert f"at most {numbers[flapping.USUAL.leave]} turns are left" in WORDS
    assert flapping.USUAL.window.total_seconds() == 3600
