"""Which queue a control worker looks into first."""

from collections import Counter, deque
from collections.abc import Mapping

from kombu.utils.scheduling import cycle_by_name

from probes.broker.turns import Turns

QUEUES = ["control", "results", "heartbeats"]


def turns(*queues: str) -> Turns:
    made = Turns()
    made.update(queues or QUEUES)
    return made


def taken(lengths: Mapping[str, int], looks: int) -> str:
    """Return the initials of what so many looks take, of queues as long as this."""
    waiting, order = deque[str](), turns()
    left = Counter(lengths)
    for _ in range(looks):
        queue = next((name for name in order.consume(len(QUEUES)) if left[name]), None)
        if queue is not None:
            left[queue] -= 1
            waiting.append(queue[0])
    return "".join(waiting)


def test_heartbeats_come_first_every_second_time_and_the_others_take_turns() -> None:
    assert taken({"control": 99, "results": 99, "heartbeats": 99}, 8) == "hchrhchr"


def test_heartbeat_waits_for_one_report_at_most() -> None:
    order = turns("results", "heartbeats")
    for _ in range(5):
        looks = [order.consume(2)[0] for _ in range(2)]
        assert "heartbeats" in looks


def test_flood_of_heartbeats_leaves_half_of_the_worker() -> None:
    assert taken({"control": 1, "results": 2, "heartbeats": 10_000}, 8) == "hchrhrhh"


def test_queue_without_end_that_is_refused_does_not_keep_its_place() -> None:
    """What the guard refuses reads as an empty pop. Kombu's round robin would look there first for ever."""
    order = turns()
    first = [order.consume(3)[0] for _ in range(8)]
    assert Counter(first) == {"heartbeats": 4, "control": 2, "results": 2}


def test_worker_of_other_queues_has_turns_too() -> None:
    order = turns("control", "results")
    assert [order.consume(2)[0] for _ in range(6)].count("results") >= 2
    assert turns("heartbeats").consume(1) == ["heartbeats"]
    assert Turns().consume(0) == []


def test_kombu_is_told_of_it_by_its_name() -> None:
    assert cycle_by_name("probes.broker.turns:Turns").__name__ == "Turns"
    assert Turns().rotate("results") == "results"
