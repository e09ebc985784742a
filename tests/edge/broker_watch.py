"""How much the broker holds, looked at each second."""

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Self

import redis

from tests.edge.lab import Lab

EVERY_SECONDS: Final = 1.0
CENTRAL_QUEUES: Final = ("control", "results", "heartbeats")


def queue_of(region: str) -> str:
    return f"probe.{region}"


class Sample(NamedTuple):
    """`bytes` is Redis's `used_memory`; `lengths` are those of all queues, in messages."""

    at: float  # monotonic
    bytes: int
    lengths: dict[str, int]


class BrokerWatch:
    """Takes samples in a thread until the block ends. While the broker is away there is none."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._samples: list[Sample] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="broker watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)

    def longest(self, queues: Iterable[str], since: float) -> int:
        """Return how many messages at most waited in one of these queues."""
        wanted = set(queues)
        return max((sample.lengths[queue] for sample in self._after(since) for queue in wanted), default=0)

    def most_bytes(self, since: float) -> int:
        return max((sample.bytes for sample in self._after(since)), default=0)

    def _after(self, since: float) -> Sequence[Sample]:
        return [sample for sample in self._samples if sample.at >= since]

    def _work(self) -> None:
        with self._lab.broker() as broker:
            while not self._over.wait(EVERY_SECONDS):
                try:
                    self._samples.append(self._sample(broker))
                except redis.RedisError:
                    continue

    def _sample(self, broker: redis.Redis) -> Sample:
        used = int(broker.info("memory")["used_memory"])
        queues = (*CENTRAL_QUEUES, *map(queue_of, self._lab.regions))
        return Sample(time.monotonic(), used, {queue: int(broker.llen(queue)) for queue in queues})
