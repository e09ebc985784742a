"""Which of a control worker's queues comes first when it takes a message from Redis.

A worker asks for one message each time one of its processes is free, by a pop that looks at the queues in an order.
Kombu's round robin would let a heartbeat wait for a turn of every other queue, and it counts only messages that were
let through: a queue full of what the guard refuses would keep the others from ever having one.
"""

from collections.abc import Iterable

from probes.broker.queues import HEARTBEATS


class Turns:
    """Every second time heartbeats come first; in between the other queues take turns. Kombu makes and asks it.

    So a heartbeat waits for at most one other message, whatever waits in `results`; and regions that send heartbeats
    without end cannot keep more than half of the worker from its other work.
    """

    def __init__(self) -> None:
        self._first: list[str] = []
        self._others: list[str] = []
        self._are_others_next = False

    def update(self, queues: Iterable[str]) -> None:
        """Take the queues that are consumed from."""
        names = list(queues)
        self._first = [name for name in names if name == HEARTBEATS]
        self._others = [name for name in names if name != HEARTBEATS]

    def consume(self, count: int) -> list[str]:
        """Return so many queues in the order of the next look."""
        order = [*self._first, *self._others]
        if self._are_others_next:
            order = [*self._others, *self._first]
            self._others = [*self._others[1:], *self._others[:1]]
        self._are_others_next = not self._are_others_next
        return order[:count]

    def rotate(self, last_used: str) -> str:
        """Do nothing: it is looks that take turns, not messages."""
        return last_used
