"""A bounded place to keep things: what has not been asked for longest makes room."""

from collections import OrderedDict
from typing import Final, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Shelf(Generic[K, V]):
    """Values by key, of a total weight of at most `capacity`; the unit is the user's (bytes, or entries of 1)."""

    def __init__(self, capacity: int) -> None:
        self.capacity: Final = capacity
        self.weight = 0
        self._held: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: K) -> bool:
        return key in self._held

    def get(self, key: K) -> V | None:
        """Return what is kept under `key`, which is then the last to go."""
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return self._held[key][0]

    def put(self, key: K, value: V, weight: int = 1) -> None:
        """Keep `value` instead of what was kept under `key`. What weighs more than the whole shelf is not kept."""
        self.drop(key)
        if weight > self.capacity:
            return
        self._held[key] = value, weight
        self.weight += weight
        while self.weight > self.capacity:
            self.drop(next(iter(self._held)))

    def drop(self, key: K) -> None:
        """Keep nothing under `key`."""
        _, weight = self._held.pop(key, (None, 0))
        self.weight -= weight
