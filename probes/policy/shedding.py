"""What a region is spared when it cannot keep up: the same share of the checks of every resource.

A region whose queue lags is sent every second slot of each resource, then every fourth, and so on: its stride. That
is as if every interval were longer there. A slot's number starts from a value of the resource's own, so at each
instant it is another part of the resources that is left out, and none is left out for ever. The slots of a stride
are also slots of each smaller one.

The stride doubles when the region is late, and again when the queue has not become shorter for it. It is halved
when the region has long been on time; a try that failed makes the wait for the next one twice as long.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

from probes.policy.liveness import PROMPT_SECONDS

STRIDES: Final = (1, 2, 4, 8, 16)
"""A region that is late even at the last one is too small: what is too much is shed when its queue is full."""

SHOWS_AFTER: Final = timedelta(seconds=60)
"""So long it takes until the queue tells what a change has brought."""

SHORTER: Final = 0.9
"""A queue that lagged is becoming shorter when its lag is down to this part of what it was."""

PATIENCE: Final = timedelta(minutes=5)
LONGEST_PATIENCE: Final = timedelta(hours=1)
"""How long a region must have been on time before it is sent more: at first, and after tries that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The stride, and what the last look at the region decided. `lag_seconds` was its queue's lag then."""

    stride: int = 1
    looked_at: datetime | None = None
    lag_seconds: float = 0.0
    patience: timedelta = PATIENCE
    was_narrowed: bool = False  # by the last change

    def to_json(self) -> dict[str, Any]:
        """Return all but the stride."""
        return {
            "looked_at": self.looked_at.isoformat() if self.looked_at else None,
            "lag_seconds": self.lag_seconds,
            "patience_seconds": self.patience.total_seconds(),
            "was_narrowed": self.was_narrowed,
        }

    @classmethod
    def from_json(cls, stride: int, document: Mapping[str, Any]) -> Self:
        """Return what `to_json` told, or how a region begins where `document` is empty."""
        if not document:
            return cls(stride=stride)
        looked_at = document["looked_at"]
        return cls(
            stride=stride,
            looked_at=datetime.fromisoformat(looked_at) if looked_at else None,
            lag_seconds=document["lag_seconds"],
            patience=timedelta(seconds=document["patience_seconds"]),
            was_narrowed=document["was_narrowed"],
        )


UNHURRIED: Final = Pace()


def next_pace(pace: Pace, *, is_late: bool, lag_seconds: float, now: datetime) -> Pace:
    """Return the pace after a look at a region that is alive."""
    waited = now - pace.looked_at if pace.looked_at else None
    if not is_late:
        if pace.stride == 1 or waited is None or waited < pace.patience:
            return pace
        return replace(pace, stride=pace.stride // 2, looked_at=now, lag_seconds=lag_seconds, was_narrowed=True)
    if waited is not None and waited < SHOWS_AFTER:
        return pace
    looked = replace(pace, looked_at=now, lag_seconds=lag_seconds)
    # Without a lag worth the name it is late for want of seats: no queue of its can become shorter.
    is_shorter = (
        pace.stride > 1
        and not pace.was_narrowed
        and pace.lag_seconds > PROMPT_SECONDS
        and lag_seconds <= pace.lag_seconds * SHORTER
    )
    if is_shorter or pace.stride == STRIDES[-1]:
        return looked
    return replace(looked, stride=pace.stride * 2, patience=_patience(pace, waited), was_narrowed=False)


def _patience(pace: Pace, waited: timedelta | None) -> timedelta:
    """Return how long to wait with the next try, now that the region is late again `waited` after the last look."""
    if waited is None or waited >= LONGEST_PATIENCE:
        return PATIENCE if pace.stride == 1 else pace.patience
    return min(pace.patience * 2, LONGEST_PATIENCE) if pace.was_narrowed else pace.patience


def is_sent(number: int, stride: int) -> bool:
    """Tell whether the slot of this number (`slots.number`) is sent to a region of this stride."""
    return number % stride == 0


def slots_ahead(number: int, stride: int) -> int:
    """Return how many slots after the one of this number the first is that is sent; 0 if it is this one."""
    return -number % stride


def slots_back(number: int, stride: int) -> int:
    """Return how many slots before the one of this number, which is left out, the last left out one is."""
    return 2 if stride > 1 and is_sent(number - 1, stride) else 1
