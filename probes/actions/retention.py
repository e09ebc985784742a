"""Dropping rows that are kept for a while only. Outcomes go by whole partitions instead."""

from datetime import datetime, timedelta
from typing import Final

from probes.models import Batch, MissedSlots, RegionEvent, VerdictChange

LEDGER_KEPT_FOR: Final = timedelta(days=1)
"""A report that comes later than this is refused: the ledger no longer knows its batch."""

EVENTS_KEPT_FOR: Final = timedelta(days=90)
"""Events of regions are few, and what is asked of them is how a region has been doing."""


CHANGES_KEPT_FOR: Final = timedelta(days=731)
"""Changes of verdicts are few, and two years of availability are made of them."""


def drop_batches(*, before: datetime) -> int:
    """Drop settled batches that were issued before that instant; returns how many."""
    return Batch.objects.filter(issued_at__lt=before).exclude(state=Batch.State.SENT).delete()[0]


def drop_missed(*, before: datetime) -> int:
    """Drop records of slots that were missed before that instant; returns how many."""
    return MissedSlots.objects.filter(last_slot__lt=before).delete()[0]


def drop_region_events(*, before: datetime) -> int:
    """Drop events of regions from before that instant; returns how many."""
    return RegionEvent.objects.filter(at__lt=before).delete()[0]


def drop_verdict_changes(*, before: datetime) -> int:
    """Drop changes of verdicts from before that instant; returns how many."""
    return VerdictChange.objects.filter(at__lt=before).delete()[0]
