"""What time it is at the control plane, as a region can tell."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from probes.edge.clock import ControlClock
from probes.protocol.batch import Batch

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WORKER, OTHER = (f"00000000-0000-0000-0000-00000000000{number}" for number in (1, 2))


class Machine:
    """Its clock is `ahead` of the control plane's, where it is noon at first."""

    def __init__(self, ahead: timedelta = timedelta(0)) -> None:
        self.ahead = ahead
        self.seconds = 50.0
        self.clock = ControlClock(WORKER, lambda: self.control + self.ahead, lambda: self.seconds)

    @property
    def control(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds - 50.0)

    def hear(
        self,
        *,
        offset_seconds: float | None = None,
        offsets: Mapping[str, float] | None = None,
        age: timedelta = timedelta(0),
    ) -> float:
        issued_at = self.control - age
        return self.clock.hear(
            Batch(
                id="b",
                region="eu-west",
                issued_at=issued_at,
                expires_at=issued_at + MINUTE,
                plans=(),
                clock_offset_seconds=offset_seconds,
                clock_offsets=offsets or {},
            )
        )


def test_nothing_known_is_the_machine_s_own_clock() -> None:
    assert Machine(ahead=MINUTE).clock.now() == NOON + MINUTE


@pytest.mark.parametrize("ahead_seconds", [300, -300])
def test_offset_that_a_batch_tells_is_taken_off(ahead_seconds: int) -> None:
    machine = Machine(ahead=timedelta(seconds=ahead_seconds))
    machine.hear(offset_seconds=ahead_seconds)
    machine.seconds += 20
    assert machine.clock.now() == machine.control


@pytest.mark.parametrize(
    ("offsets", "ahead_seconds"), [({WORKER: 0.0, OTHER: 300.0}, 0), ({OTHER: 0.0}, 300)], ids=["named", "not named"]
)
def test_worker_goes_by_its_own_offset_and_else_by_the_largest(
    offsets: Mapping[str, float], ahead_seconds: int
) -> None:
    """One worker of a region is five minutes ahead, and the other is right: each batch may come to either."""
    machine = Machine(ahead=timedelta(seconds=ahead_seconds))
    machine.hear(offset_seconds=300, offsets=offsets)
    machine.seconds += 20
    assert machine.clock.now() == machine.control


def test_it_knows_when_the_newest_batch_was_issued() -> None:
    machine = Machine(ahead=5 * MINUTE)
    assert machine.clock.heard_issued_at is None
    machine.hear(age=MINUTE)
    machine.hear(age=2 * MINUTE)
    assert machine.clock.heard_issued_at == NOON - MINUTE


def test_batch_without_an_offset_leaves_it_as_it_was() -> None:
    machine = Machine(ahead=5 * MINUTE)
    machine.hear(offset_seconds=300)
    machine.hear()
    assert machine.clock.now() == NOON


def test_older_batch_does_not_overrule_a_newer_one() -> None:
    machine = Machine(ahead=5 * MINUTE)
    machine.hear(offset_seconds=300)
    machine.hear(offset_seconds=-9000, age=MINUTE)
    assert machine.clock.now() == NOON


def test_it_is_never_earlier_than_what_was_issued_and_the_time_since() -> None:
    """Also of a clock that is behind and of which nothing is known yet, and of one that is set back."""
    machine = Machine(ahead=-5 * MINUTE)
    machine.hear()
    machine.seconds += 10
    assert machine.clock.now() == machine.control
    machine.ahead = timedelta(days=-400)
    assert machine.clock.now() == machine.control


def test_age_of_a_batch_is_by_the_machine_s_own_clock() -> None:
    machine = Machine(ahead=5 * MINUTE)
    assert machine.hear(offset_seconds=300, age=MINUTE) == 360
