"""Whose turn it is in a sample of layers, and when no sample will do.

Source: behaviour row B25 and E.2: the sample rotates so that each layer is touched within a known time, which is the
number of layers times the time between two looks at blobs.
"""

from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def rotation(slot: datetime, *, interval_seconds: int, blobs_every: timedelta) -> int:
    """Return a number that grows by one from each look at the blobs to the next one.

    `blobs_every` is the cadence; looks fall on slots, so they are whole intervals apart.
    """
    intervals = max(1, ceil(blobs_every.total_seconds() / interval_seconds))
    return (slot - _EPOCH) // timedelta(seconds=interval_seconds * intervals)


def is_sample_enough(*, wanted: bool, consecutive_failures: int) -> bool:
    """Tell whether a sample will do. Not while the resource fails: the turn would pass by the layer that is gone."""
    return wanted and not consecutive_failures
