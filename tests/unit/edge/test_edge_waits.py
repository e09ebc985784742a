"""How long batches wait in the queue, as a worker tells it."""

from probes.edge.waits import Reading, Waits


class Timer:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_shortest_and_longest_wait_are_kept_until_they_are_sent() -> None:
    waits = Waits()
    for seconds in (4.0, -3.0, 9.0, 0.0):
        waits.took(seconds)
    assert waits.read(0) == waits.read(0) == Reading(shortest_seconds=-3.0, longest_seconds=9.0)
    waits.sent()
    assert waits.read(0) == Reading()


def test_wait_of_a_batch_that_comes_while_a_reading_is_sent_is_in_the_next() -> None:
    waits = Waits()
    waits.took(4.0)
    waits.read(0)
    waits.took(9.0)
    waits.sent()
    assert waits.read(0) == Reading(shortest_seconds=9.0, longest_seconds=9.0)


def test_reading_that_was_not_sent_is_in_the_next_with_what_came_since() -> None:
    waits = Waits()
    waits.took(4.0)
    waits.read(0)
    waits.took(9.0)
    assert waits.read(0) == Reading(shortest_seconds=4.0, longest_seconds=9.0)


def test_queue_from_which_nothing_is_taken_has_been_waiting_since_that_was_seen() -> None:
    timer = Timer()
    waits = Waits(timer)
    assert waits.read(3).head_seconds == 0
    timer.seconds = 10
    assert waits.read(3).head_seconds == 10
    waits.took(1.0)
    timer.seconds = 20
    assert waits.read(2).head_seconds == 0
    timer.seconds = 25
    assert waits.read(2).head_seconds == 5
    assert waits.read(0).head_seconds == 0
