"""Kairos, skopeo and containerd are asked about the same image in the same state: sound, broken, out of reach.

All read from Debian's docker-registry. What the others can pull, Kairos calls available, and the other way round.
Where they differ, `docs/adr/0018-where-we-differ-from-skopeo.md` says why.
"""

from pathlib import Path

import pytest

from probes.protocol.outcome import Outcome
from probes.protocol.taxonomy import Depth, Status
from tests.fakes.containerd import MISSING, containerd_can_run
from tests.interop.comparison import State, check_at, copy, digest_by_skopeo, fetch
from tests.interop.scene import Scene
from tests.interop.states_of_access import ACCESS
from tests.interop.states_of_blob_hosts import BLOB_HOSTS
from tests.interop.states_of_content import CONTENT
from tests.interop.states_of_mirrors import MIRRORS

RECORD = Path(__file__).parents[2] / "docs" / "adr" / "0018-where-we-differ-from-skopeo.md"
STATES = [*CONTENT.states, *ACCESS.states, *BLOB_HOSTS.states, *MIRRORS.states]


@pytest.fixture(params=STATES, ids=lambda state: state.name.replace(" ", "-"))
def state(request: pytest.FixtureRequest) -> State:
    assert isinstance(request.param, State)
    return request.param


def test_kairos_says_what_a_pull_meets(state: State, scene: Scene, tmp_path: Path) -> None:
    """Where they do not, and which depth first sees that something is wrong, is as `states_of_*` have it."""
    question = state.make(scene, state.name.replace(" ", "-"))

    outcomes = check_at(question, *([Depth.BLOBS] if state.is_available else Depth))
    copied = copy(question, tmp_path)
    fetched = fetch(question, scene.containerd) if containerd_can_run() else None

    deepest = outcomes[-1]
    assert deepest.conclusion.reason is state.reason, deepest.conclusion
    assert (copied.status == 0) is state.is_copied, copied.errors
    if fetched:
        assert (fetched.status == 0) is state.is_fetched, fetched.errors
    if not state.is_available:
        assert _shallowest(outcomes) is state.found_at
    elif state.is_copied:
        assert deepest.conclusion.digest == digest_by_skopeo(question, tmp_path)


@pytest.mark.skipif(not containerd_can_run(), reason=MISSING)
def test_containerd_is_asked_as_well(scene: Scene) -> None:
    """Where this is skipped, the comparison above is with skopeo alone."""
    scene.image("for-containerd")
    assert fetch(scene.ask("for-containerd"), scene.containerd).status == 0


def _shallowest(outcomes: list[Outcome]) -> Depth | None:
    """Return the shallowest depth that finds something wrong, after which all must. One outcome for each depth."""
    are_available = [outcome.status is Status.AVAILABLE for outcome in outcomes]
    assert are_available == sorted(are_available, reverse=True)
    return next((depth for depth, is_available in zip(Depth, are_available, strict=True) if not is_available), None)


class TestDecisionRecord:
    """`docs/adr/0018-where-we-differ-from-skopeo.md` tells of every difference and of what each depth finds."""

    def test_it_lists_every_difference_and_no_other(self) -> None:
        said = {name: tuple(verdicts) for name, *verdicts, _ in _rows("## Where they differ")}
        assert said == {
            state.name: (
                f"`{state.reason}`",
                "copies" if state.is_copied else "fails",
                "fetches" if state.is_fetched else "fails",
            )
            for state in STATES
            if state.is_disputed
        }

    def test_it_lists_what_each_depth_is_the_first_to_find(self) -> None:
        said = {depth: set(names.split(", ")) for depth, names in _rows("## What each depth finds")}
        found: dict[str, set[str]] = {}
        for state in STATES:
            if state.found_at:
                found.setdefault(f"`{state.found_at}`", set()).add(state.name)
        assert said == found


def _rows(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading of the record, without its first two lines."""
    section = RECORD.read_text().partition(heading)[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
