"""The alarm against a loop whose time the test moves."""

import asyncio
import heapq
from collections.abc import Callable
from typing import cast

import pytest

from probes.wire.alarm import Alarm


class HandMovedLoop:
    """As much of an event loop as an alarm sees. `made` counts its timers."""

    def __init__(self) -> None:
        self.now = 0.0
        self.made = 0
        self._timers: list[asyncio.TimerHandle] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        self.made += 1
        timer = asyncio.TimerHandle(when, callback, (), cast("asyncio.AbstractEventLoop", self))
        heapq.heappush(self._timers, timer)
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        self._timers.remove(handle)
        heapq.heapify(self._timers)

    def get_debug(self) -> bool:
        return False

    def move_to(self, now: float) -> None:
        while self._timers and self._timers[0].when() <= now:
            timer = heapq.heappop(self._timers)
            self.now = timer.when()
            timer._run()  # noqa: SLF001 - this is what a loop does
        self.now = now

    @property
    def waiting(self) -> int:
        return len(self._timers)


@pytest.fixture
def loop() -> HandMovedLoop:
    return HandMovedLoop()


@pytest.fixture
def rings() -> list[float]:
    return []


@pytest.fixture
def alarm(loop: HandMovedLoop, rings: list[float]) -> Alarm:
    return Alarm(cast("asyncio.AbstractEventLoop", loop), lambda: rings.append(loop.now))


def test_it_rings_once_when_due(alarm: Alarm, loop: HandMovedLoop, rings: list[float]) -> None:
    alarm.set(5)
    loop.move_to(4.9)
    assert rings == []

    loop.move_to(20)

    assert rings == [5]
    assert loop.waiting == 0


def test_a_later_time_takes_no_new_timer_until_the_old_one_went_off(
    alarm: Alarm, loop: HandMovedLoop, rings: list[float]
) -> None:
    alarm.set(5)
    for due in range(6, 100):
        alarm.set(due)
    assert loop.made == 1

    loop.move_to(200)

    assert rings == [99]
    assert loop.made == 2


def test_an_earlier_time_counts(alarm: Alarm, loop: HandMovedLoop, rings: list[float]) -> None:
    alarm.set(30)
    alarm.set(5)

    loop.move_to(40)

    assert rings == [5]
    assert loop.waiting == 0


def test_cleared_it_keeps_quiet_and_can_be_set_again(alarm: Alarm, loop: HandMovedLoop, rings: list[float]) -> None:
    alarm.set(5)
    alarm.clear()
    loop.move_to(6)
    assert rings == []

    alarm.set(8)
    loop.move_to(9)

    assert rings == [8]


def test_stopped_it_leaves_no_timer(alarm: Alarm, loop: HandMovedLoop, rings: list[float]) -> None:
    alarm.stop()
    alarm.set(5)
    alarm.stop()

    loop.move_to(9)

    assert rings == []
    assert loop.waiting == 0
