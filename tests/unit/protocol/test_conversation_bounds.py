"""How much a check may ask for, and what a driver may count on."""

from copy import deepcopy

import pytest

from probes.protocol.conversation import Done, Send, UnexpectedEventError, advance, start
from probes.protocol.exchange import Ask, Fault, FaultKind
from probes.protocol.plan import Plan
from probes.protocol.taxonomy import Depth, Reason, Warn
from tests.fakes.contents import child
from tests.fakes.dialogue import HOST, Breaks, Registry, Says, moved

REFERENCE = f"{HOST}/team/app:1"


@pytest.fixture
def registry() -> Registry:
    return Registry()


def test_three_are_in_flight_at_most(registry: Registry) -> None:
    """B24, S22."""
    registry.image("team/app:1", layers=9)
    move = start(Plan(reference=REFERENCE))
    most = 0
    waiting: list[Ask] = []
    while isinstance(move, Send):
        waiting += move.asks
        most = max(most, len(waiting))
        move = advance(move.state, registry.answer(waiting.pop(0)))
    assert move.conclusion.reason is Reason.OK
    assert most == 3


def test_registry_that_leads_us_on_is_left_after_twelve_requests(registry: Registry) -> None:
    """S16, S22."""
    registry.image("team/app:1")
    for method in ("HEAD", "GET"):
        registry.once(f"{method} 1", moved("/hop/1"))
        for hop in range(1, 5):
            registry.once(f"{method} hop/{hop}", moved(f"/hop/{hop + 1}"))
    registry.once("HEAD hop/5", Says(404))
    registry.once("GET hop/5", Says(503))
    outcome = registry.check(REFERENCE)
    assert outcome.reason is Reason.PROTOCOL_ERROR
    assert outcome.detail == "the registry needs more requests than a pull should"
    assert len(registry.log) == 12


def test_two_hundred_requests_are_the_end(registry: Registry) -> None:
    """S16, S22: what could not be asked for is said, and does not count as missing."""
    registry.image("team/app:1", layers=300)
    outcome = registry.check(REFERENCE)
    assert (outcome.reason, outcome.warnings) == (Reason.OK, (Warn.PROBE_CAPPED,))
    assert outcome.depth is Depth.PLATFORM  # not all blobs are proven, so none are claimed
    assert len(registry.log) == 200


def test_platform_that_could_not_be_asked_for_is_not_spoken_of(registry: Registry) -> None:
    """P16: what was never had must not read as fine."""
    many = [child(f"linux/arch{number}", layers=0) for number in range(64)]
    registry.index("team/app:1", *many)
    for name in (f"arch{number}" for number in range(64)):
        registry.always(f"GET linux/{name}", moved(f"/first/{name}"))
        registry.always(f"GET first/{name}", moved(f"/second/{name}"))
        registry.always(f"GET second/{name}", moved(f"/third/{name}"))
        registry.always(f"GET third/{name}", Says(404))
    outcome = registry.check(REFERENCE, platforms=("all",), depth=Depth.PLATFORM)
    assert Warn.PROBE_CAPPED in outcome.warnings
    assert outcome.depth is Depth.MANIFEST
    assert len(outcome.platforms) < 64
    assert {item.reason for item in outcome.platforms} == {Reason.CHILD_MANIFEST_MISSING}


def test_failure_that_could_not_be_tried_again_counts(registry: Registry) -> None:
    registry.image("team/app:1", layers=300)
    registry.once("GET layer197", Breaks(FaultKind.CONNECTION_RESET))
    outcome = registry.check(REFERENCE)
    assert registry.log[-1] == "GET layer197"
    assert (outcome.reason, outcome.warnings) == (Reason.CONNECTION_RESET, (Warn.PROBE_CAPPED,))


def test_login_beyond_the_bound_is_not_tried(registry: Registry) -> None:
    registry.image("team/app:1", layers=300)
    registry.once("GET layer197", Says(401, headers={"WWW-Authenticate": 'Bearer realm="/token"'}))
    assert registry.check(REFERENCE).reason is Reason.PROTOCOL_ERROR
    assert len(registry.log) == 200


def test_what_is_in_flight_is_no_more_than_one_document_of_the_largest_size(registry: Registry) -> None:
    """S14, B24: two of 1.5 MiB go together, and a third waits."""
    children = [child(f"linux/cpu{number}", annotations={"x": "x" * 1_500_000}) for number in range(4)]
    registry.index("team/app:1", *children)
    move = start(Plan(reference=REFERENCE, depth=Depth.PLATFORM, platforms=("all",)))
    waiting: list[Ask] = []
    in_flight: list[int] = []
    while isinstance(move, Send):
        waiting += move.asks
        assert sum(ask.limit_bytes for ask in waiting) <= 4 * 1024 * 1024
        in_flight.append(len(waiting))
        move = advance(move.state, registry.answer(waiting.pop(0)))
    assert move.conclusion.reason is Reason.OK
    assert max(in_flight) == 2


def test_bytes_of_a_body_that_broke_off_count(registry: Registry) -> None:
    """S16: whoever breaks off at four megabytes each time sends no more than whoever does not."""
    registry.index("team/app:1", *(child(f"linux/cpu{number}") for number in range(64)))
    for number in range(64):
        registry.always(f"GET linux/cpu{number}", Breaks(FaultKind.BODY_TOO_LARGE, received_bytes=1024 * 1024))
    outcome = registry.check(REFERENCE, depth=Depth.PLATFORM, platforms=("all",))
    assert (outcome.reason, Warn.PROBE_CAPPED in outcome.warnings) == (Reason.SIZE_MISMATCH, True)
    assert len(registry.log) <= 2 + 12 + 2


@pytest.mark.parametrize(
    ("size", "limit", "reason"),
    [
        (500, 1024 * 1024, Reason.SIZE_MISMATCH),
        (3_000_000, 3_000_000, Reason.SIZE_MISMATCH),
        (9_000_000, 4 * 1024 * 1024, Reason.MANIFEST_TOO_LARGE),
    ],
)
def test_child_is_not_read_beyond_what_its_descriptor_says(
    registry: Registry, size: int, limit: int, reason: Reason
) -> None:
    """P10, M21."""
    entry = {**child("linux/amd64").entry, "size": size}
    registry.index("team/app:1", entries=(entry,))
    registry.always(f"GET {entry['digest']}", Breaks(FaultKind.BODY_TOO_LARGE))
    assert registry.check(REFERENCE, depth=Depth.PLATFORM).reason is reason
    assert registry.asks[-1].limit_bytes == limit


def test_event_that_nothing_waits_for_is_refused_and_changes_nothing(registry: Registry) -> None:
    registry.image("team/app:1")
    move = start(Plan(reference=REFERENCE))
    assert isinstance(move, Send)
    before = deepcopy(move.state)
    for ask_id in (-1, 1, 99):
        with pytest.raises(UnexpectedEventError):
            advance(move.state, Fault(ask_id=ask_id, kind=FaultKind.ABORTED))
    assert move.state == before


def test_state_may_be_gone_back_to(registry: Registry) -> None:
    """A state is a value: what happened after it has no part in it."""
    registry.image("team/app:1")
    first = start(Plan(reference=REFERENCE, depth=Depth.RESOLVE))
    assert isinstance(first, Send)
    lost = advance(first.state, Fault(ask_id=0, kind=FaultKind.ABORTED))
    found = advance(first.state, registry.answer(first.asks[0]))
    assert isinstance(lost, Done)
    assert isinstance(found, Done)
    assert (lost.conclusion.reason, found.conclusion.reason) == (Reason.PROBE_ABORTED, Reason.OK)
