"""Dropping rows that are kept for a while only. Outcomes go by whole partitions instead."""

from datetime import datetime, timedelta
from typing import Final

from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Q

from probes.models import (
    AccountCosts,
    Batch,
    Event,
    HostCertificate,
    Incident,
    KeptAnswer,
    MaintenanceOccurrence,
    MissedSlots,
    Notice,
    Pause,
    QuotaAccount,
    QuotaWait,
    RegionEvent,
    RequestCount,
    ResourceCosts,
    RollUpProgress,
    Run,
)
from probes.policy.notices import NoticeState

LEDGER_KEPT_FOR: Final = timedelta(days=1)
"""A report that comes later than this is refused: the ledger no longer knows its batch."""

EVENTS_KEPT_FOR: Final = timedelta(days=90)
"""Events of regions and notices are few. What is asked of them is how a region has been doing, and who was told."""

RUNS_KEPT_FOR: Final = timedelta(days=7)
"""Whoever ordered something looks at it soon, or never."""


_CHANGES: Final = """
DELETE FROM probes_verdictchange AS old WHERE at < %(before)s AND EXISTS (
    SELECT FROM probes_verdictchange AS later
    WHERE later.resource_id = old.resource_id AND later.at < %(before)s AND (later.at, later.id) > (old.at, old.id)
)
"""


def drop_batches(*, before: datetime) -> int:
    """Drop settled batches that were issued before that instant; returns how many."""
    return Batch.objects.filter(issued_at__lt=before).exclude(state=Batch.State.SENT).delete()[0]


def drop_runs(*, before: datetime) -> int:
    """Drop runs that were ordered before that instant; returns how many rows, those of their checks among them."""
    return Run.objects.filter(asked_at__lt=before).delete()[0]


def drop_missed(*, before: datetime) -> int:
    """Drop records of slots that were missed before that instant; returns how many."""
    return MissedSlots.objects.filter(last_slot__lt=before).delete()[0]


def drop_costs(*, before: datetime) -> int:
    """Drop what checks cost before that day, and accounts that nothing was counted for since; returns how many.

    Places in line that were not kept go as well.
    """
    dropped = 0
    for model in (AccountCosts, ResourceCosts):
        dropped += model.objects.filter(day__lt=before.date()).delete()[0]
    dropped += QuotaWait.objects.filter(until__lt=before).delete()[0]
    idle = QuotaAccount.objects.filter(created_at__lt=before, costs=None).exclude(short_at__gte=before)
    return dropped + idle.delete()[0]


def drop_region_events(*, before: datetime) -> int:
    """Drop events of regions from before that instant; returns how many."""
    return RegionEvent.objects.filter(at__lt=before).delete()[0]


def drop_notices(*, before: datetime) -> int:
    """Drop notices from before that instant, but those that are still to be told; returns how many.

    Those of an incident that is not over for as long stay: who was told of it is reminded, and told its end.
    """
    old = Notice.objects.filter(Q(incident=None) | Q(incident__resolved_at__lt=before), created_at__lt=before)
    return old.exclude(state=NoticeState.PENDING).delete()[0]


def drop_certificates(*, before: datetime) -> int:
    """Drop certificates of hosts that were last met before that instant; returns how many."""
    return HostCertificate.objects.filter(seen_at__lt=before).delete()[0]


def drop_kept_answers(*, before: datetime) -> int:
    """Drop answers under idempotency keys that were kept before that instant; returns how many."""
    return KeptAnswer.objects.filter(kept_at__lt=before).delete()[0]


def drop_request_counts(*, before: datetime) -> int:
    """Forget how often those asked the API who have not since `before`; return how many that were."""
    return int(RequestCount.objects.filter(began_at__lt=before).delete()[0])


def drop_failed_logins(*, before: datetime) -> int:
    """Drop failures of logins from before that instant; returns how many. They lock nobody for longer than that.

    django-axes does it at each login, and there may be none.
    """
    return int(AccessAttempt.objects.filter(attempt_time__lt=before).delete()[0])


def drop_sessions(*, before: datetime) -> int:
    """Drop logins of browsers that ended before that instant; returns how many."""
    return Session.objects.filter(expire_date__lt=before).delete()[0]


def drop_history(*, before: datetime) -> int:
    """Drop events, incidents that are over, and what a timeline was laid out of, from before that instant.

    Returns how many rows; the lines of incidents are among them.

    Of each resource the last verdict before it stays: it is what held at that instant.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CHANGES, {"before": before})
        dropped: int = cursor.rowcount
    for rows in (
        Event.objects.filter(at__lt=before),
        Incident.objects.filter(resolved_at__lt=before),
        Pause.objects.filter(ends_at__lt=before),
        MaintenanceOccurrence.objects.filter(ends_at__lt=before),
        RollUpProgress.objects.filter(starts_at__lt=before, finished_at__isnull=False),
    ):
        dropped += rows.delete()[0]
    return dropped
