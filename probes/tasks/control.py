"""What beat starts. Each task can run twice at once, or not at all for a while: the next run makes up for it."""

import logging
from datetime import date, timedelta

from celery import shared_task
from django.conf import settings
from django.db import OperationalError, transaction
from django.utils import timezone

from probes.actions import (
    accounts,
    beat,
    certificates,
    dispatch,
    kept_answers,
    maintenance,
    missed,
    rates,
    region_keys,
    regions,
    resources,
    retention,
    runs,
    scopes,
    shedding,
    staleness,
    verdicts,
)
from probes.actions import partitions as days
from probes.models import Region
from probes.policy import lockout
from probes.tasks import publishing
from probes.tasks.alone import alone
from probes.tasks.notices import tell
from probes.tasks.publishing import crowded, publish_on_commit
from probes.tasks.summing import sum_up

_ROUNDS = 20

_log = logging.getLogger(__name__)


@shared_task(name="probes.tick", ignore_result=True)
def tick() -> None:
    """Hand out what is due, a thousand resources in a transaction, until nothing is or the next tick is near."""
    now = timezone.now()
    before = beat.stamp(now)
    if before is None or before.date() != now.date():
        # After a long stop the hourly task has not yet run for today.
        days.ensure_partitions(now.date())
    # Before anything new is asked of regions: what they were asked a second ago has mostly been read by now.
    beat.note_empty(publishing.unread_now(), now=now)
    for _ in range(_ROUNDS):
        # The broker is asked first: while it is away nothing is claimed, and afterwards the slots are coalesced.
        queues = {region.queue: region.slug for region in Region.objects.active().only("slug")}
        full = {queues[queue] for queue in crowded(queues)}
        with transaction.atomic():
            claimed = dispatch.claim_due(now, crowded=full)
            publish_on_commit(claimed.messages)
        if claimed.resources < dispatch.RESOURCES_AT_ONCE:
            break


@shared_task(name="probes.reap", ignore_result=True)
def reap() -> None:
    """Give up on batches and runs that came to nothing, renew lapsed verdicts, and end replaced keys.

    Note who lags or fell silent.
    """
    now = timezone.now()
    while (reaped := missed.reap_batches(now=now)).batches:
        _log.warning("%d batches came to nothing: %d slots missed", reaped.batches, reaped.slots)
    runs.end_overdue(now=now)
    if count := resources.resume_due(now=now):
        _log.info("%d resources are resumed: they were paused until now", count)
    for item in shedding.adjust_strides(now=now):
        _log.warning("%s", item)
    verdicts.refresh_lapsed(now=now)
    # What waits is looked at first: whoever is missing among the rows then has sent nothing that we could have read.
    unread = publishing.unread()
    for ended in region_keys.end_replaced(now=now, unread=unread):
        # Whoever has newer keys has the login that came with those.
        accounts.end_with_keys(Region.objects.get(slug=ended.region), now=now)
        _log.info("region %s: the keys made at %s have ended", ended.region, ended.made_at)
    regions.note_silence(now=timezone.now(), unread=unread)


@shared_task(name="probes.scopes", ignore_result=True)
def infer_scopes() -> None:
    """Find what the failures that are open have in common."""
    for item in scopes.infer_scopes(now=timezone.now()):
        _log.info("incident %s: %s", item.incident, type(item.deed).__name__)


@shared_task(name="probes.trim", ignore_result=True)
def trim() -> None:
    """Drop expired batches from the queues of regions that are away, and the whole queues of those that are retired.

    Their slots are recorded as missed with those of every other batch that does not come back.
    """
    away = list(Region.objects.away())
    publishing.drop(region.queue for region in away if region.retired_at is not None)
    queues = [region.queue for region in away if region.retired_at is None]
    for queue, dropped in publishing.trim(queues, now=timezone.now()).items():
        _log.info("dropped %d batches from %s that nobody took in time", dropped, queue)


@shared_task(name="probes.partitions", ignore_result=True)
def partitions() -> None:
    """Make the days to come, drop what is older than retention allows, and retire what is stale for long."""
    now = timezone.now()
    today = now.date()
    days.ensure_partitions(today)
    maintenance.extend(now=now)
    kept_days = max(settings.KAIROS_RETENTION_DAYS, settings.KAIROS_FAILURES_RETENTION_DAYS)
    _drop(days.OUTCOMES, today, kept_days)
    for partitioned in (*days.ROLL_UPS, *days.SUMS):
        _drop(partitioned, today, settings.KAIROS_ROLLUP_RETENTION_DAYS)
    retention.drop_history(before=now - timedelta(days=settings.KAIROS_ROLLUP_RETENTION_DAYS))
    retention.drop_missed(before=now - timedelta(days=settings.KAIROS_RETENTION_DAYS))
    retention.drop_costs(before=now - timedelta(days=settings.KAIROS_RETENTION_DAYS))
    retention.drop_batches(before=now - retention.LEDGER_KEPT_FOR)
    retention.drop_runs(before=now - retention.RUNS_KEPT_FOR)
    retention.drop_region_events(before=now - retention.EVENTS_KEPT_FOR)
    retention.drop_notices(before=now - retention.EVENTS_KEPT_FOR)
    retention.drop_failed_logins(before=now - lockout.LOCK)
    retention.drop_sessions(before=now)
    retention.drop_kept_answers(before=now - kept_answers.KEPT_FOR)
    retention.drop_request_counts(before=now - rates.KEPT)
    retention.drop_certificates(before=now - certificates.KEPT_FOR)
    while retired := staleness.retire_stale(grace=timedelta(days=settings.KAIROS_STALE_GRACE_DAYS), now=now):
        _log.warning("retired %d resources that their sources have not listed for too long", retired)


def _drop(partitioned: days.Partitioned, today: date, kept_days: int) -> None:
    """Drop what is too old of a table, or leave it for the next run while somebody reads there."""
    try:
        gone = days.drop_partitions(today, kept_days, partitioned)
    except OperationalError as error:
        if not days.is_held(error):
            raise
        _log.warning("what is too old of %s waits: somebody reads it, perhaps a backup", partitioned.table)
    else:
        for name in gone:
            _log.info("dropped %s", name)


@shared_task(name="probes.rollup", ignore_result=True)
def rollup() -> None:
    """Roll up the hours and days that have ended, keep what failed of days that are over; then send what is due.

    Unless somebody else does what takes long. The order to send something may have come meanwhile, and was dropped.
    """
    with alone() as is_ours:
        if is_ours and sum_up():
            tell()
