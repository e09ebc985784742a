"""Rows that were made for one reader, kept for all who would be shown the same, until one is told of (ADR 47).

A page of fifty rows is made again for the few of them that changed. A row is about one resource; what is told of it,
of any region or of everything is its end, and so are some seconds, as its ages go on meanwhile.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.safestring import SafeString

from dashboard.live.hub import Hub
from probes.policy.changes import ALL

KEPT_SECONDS: Final = 20.0

_OF_ALL: Final = (ALL, "regions")


@dataclass(frozen=True, slots=True)
class _Made:
    position: str
    at: float
    row: SafeString


class Pieces:
    """The last `most` rows that were made, by what they are alike in and by the ids of their resources."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: OrderedDict[tuple[Hashable, int], _Made] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, like: Hashable, ids: Iterable[int], hub: Hub) -> dict[int, SafeString]:
        """Return by its id what is still so, as far as was told by now."""
        with self._lock:
            made = {pk: self._made.get((like, pk)) for pk in ids}
        oldest = time.monotonic() - KEPT_SECONDS
        return {
            pk: one.row
            for pk, one in made.items()
            if one and one.at > oldest and hub.is_untold((*_OF_ALL, f"resource:{pk}"), one.position)
        }

    def keep(self, like: Hashable, rows: Mapping[int, SafeString], position: str) -> None:
        """Keep rows that were begun to be made at a position; without one nobody knows until when they are so."""
        if not position:
            return
        now = time.monotonic()
        with self._lock:
            for pk, row in rows.items():
                self._made[like, pk] = _Made(position, now, row)
                self._made.move_to_end((like, pk))
            while len(self._made) > self._most:
                self._made.popitem(last=False)
