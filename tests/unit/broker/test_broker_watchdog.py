"""The watchdog: stuck is neither idle, nor busy, nor cut off."""

import pytest

from probes.broker.watchdog import Watchdog


@pytest.mark.parametrize(
    ("readings", "is_stuck"),
    [
        # (time, queue length, popped, has room)
        ([(0, 5, 0, True), (10, 5, 0, True), (30, 5, 0, True), (45, 5, 0, True)], True),
        ([(0, 5, 0, True), (10, 5, 0, True), (30, 5, 0, True)], False),  # waited for 20
        ([(0, 0, 0, True), (100, 0, 0, True)], False),  # idle
        ([(0, 0, 0, True), (10, 1, 0, True), (30, 0, 0, True), (50, 1, 0, True), (70, 1, 0, True)], False),
        ([(0, 5, 0, True), (10, 5, 1, True), (40, 5, 2, True), (70, 5, 3, True)], False),  # consuming
        ([(0, 5, 0, False), (100, 5, 0, False)], False),  # hands full
        ([(0, 5, 0, False), (100, 5, 0, True), (110, 5, 0, True)], False),  # only now has it room
        ([(0, 5, 0, True), (20, None, 0, True), (40, 5, 0, True), (60, 5, 0, True)], False),  # the broker was away
    ],
)
def test_stuck_is_messages_waiting_while_none_is_taken(
    readings: list[tuple[float, int | None, int, bool]], *, is_stuck: bool
) -> None:
    watchdog = Watchdog(patience_seconds=30)
    verdicts = [
        watchdog.is_stuck(at, queue_length=length, popped=popped, has_room=has_room)
        for at, length, popped, has_room in readings
    ]
    assert verdicts == [False] * (len(readings) - 1) + [is_stuck]
