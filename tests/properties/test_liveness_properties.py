"""Properties of what is found about regions: clocks are bounded, conditions do not flap."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.policy.clock import Readings
from probes.policy.liveness import EGRESS, LATENESS, TICK_GAP, Hearing, Hysteresis, Latch, Unread, is_silent

AT = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FOUND = [EGRESS, LATENESS]


def read(hysteresis: Hysteresis, readings: Sequence[bool | None], *, holds: bool = False) -> list[bool]:
    latch, said = Latch(holds), []
    for reading in readings:
        latch = latch.read(reading, hysteresis)
        said.append(latch.holds)
    return said


@given(
    st.lists(
        st.tuples(st.integers(0, 5000), st.floats(0, 60), st.none() | st.floats(0, 60)), min_size=1, max_size=400
    ),
    st.floats(-1e6, 1e6),
)
def test_offset_is_always_within_its_bounds_and_the_readings_stay_few(
    delays: list[tuple[int, float, float | None]], offset: float
) -> None:
    found = Readings()
    for seconds, uplink, downlink in sorted(delays, key=lambda item: item[0]):
        upper = None if downlink is None else offset + downlink
        found = found.noted(at=AT + seconds * SECOND, lower=offset - uplink, upper=upper)
    estimate = found.estimate()
    assert estimate
    if estimate.uncertainty_seconds is None:
        assert estimate.offset_seconds <= offset + 1e-6
    else:
        assert abs(estimate.offset_seconds - offset) <= estimate.uncertainty_seconds + 1e-6
    assert len(found.bounds) <= 10
    assert Readings.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found


@pytest.mark.parametrize("hysteresis", FOUND)
@given(st.lists(st.integers(0, 2), max_size=60), st.booleans(), st.booleans())
def test_readings_that_alternate_never_flap(
    hysteresis: Hysteresis,
    pauses: list[int],
    starts: bool,  # noqa: FBT001 - drawn
    first: bool,  # noqa: FBT001 - drawn
) -> None:
    """However many readings for neither stand between them."""
    readings: list[bool | None] = []
    for number, pause in enumerate(pauses):
        readings += [first if number % 2 else not first, *[None] * pause]
    assert set(read(hysteresis, readings, holds=starts)) <= {starts}


@pytest.mark.parametrize("hysteresis", FOUND)
@given(st.lists(st.sampled_from([True, False, None]), max_size=200))
def test_changes_are_never_closer_than_the_readings_they_take(
    hysteresis: Hysteresis, readings: list[bool | None]
) -> None:
    said = [False, *read(hysteresis, readings)]
    changes = [number for number, (before, after) in enumerate(pairwise(said)) if before is not after]
    assert all(late - early >= min(hysteresis.enter, hysteresis.leave) for early, late in pairwise(changes))


@given(began=st.integers(0, 120), away=st.integers(0, 300), behind=st.integers(0, 300), lost=st.integers(0, 25))
def test_region_that_sends_each_ten_seconds_is_never_silent(began: int, away: int, behind: int, lost: int) -> None:
    """Whatever befalls the control plane: an outage of all of it, and then so much to read that it takes its time.

    What the region sends while the broker is away is lost, and as long after that as it takes to connect again.
    """
    back = began + away
    caught_up = back + behind
    sent = [at for at in range(0, caught_up + 200, 10) if not began <= at < back + (lost if away else 0)]
    for second in (*range(0, began, 5), *range(back, caught_up + 200, 5)):
        is_behind = back <= second < caught_up
        read = [at for at in sent if at <= (began if is_behind else second)]
        unread = [at for at in sent if at <= second][len(read) :]
        began_to_tick = back if second >= back and away > TICK_GAP.total_seconds() else 0
        hears = Hearing(
            ticked_at=AT,
            ticking_since=AT - timedelta(seconds=second - began_to_tick),
            unread=Unread(heartbeats=len(unread)),
        )
        heard_at = AT - timedelta(seconds=second - max(read, default=0))
        assert not is_silent(heard_at, hears, now=AT, among_reports=False)
