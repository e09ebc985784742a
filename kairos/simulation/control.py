"""What beat and the queues have the control plane do, as `probes.tasks` has it do it; here times are arguments.

A test compares the actions that are called here with those of the tasks, so that neither gets one that the other
lacks.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from probes.actions import (
    beat,
    dispatch,
    expiry,
    maintenance,
    missed,
    partitions,
    refusals,
    region_keys,
    regions,
    resources,
    rollups,
    scopes,
    shedding,
    tags,
    verdicts,
)
from probes.actions.ingest import ingest
from probes.actions.plans import Message
from probes.broker.queues import HEARTBEATS, RESULTS
from probes.policy.liveness import Unread
from probes.trust.refusal import Refused

_ROUNDS = 20


def tick(*, now: datetime, crowded: Collection[str]) -> list[Message]:
    """Hand out what is due; return the messages to publish."""
    stamp(now=now)
    messages: list[Message] = []
    for _ in range(_ROUNDS):
        claimed = dispatch.claim_due(now, crowded=crowded)
        messages += claimed.messages
        if claimed.resources < dispatch.RESOURCES_AT_ONCE:
            break
    return messages


def stamp(*, now: datetime) -> None:
    """Note that a tick ran: all that one does that finds nothing due."""
    before = beat.stamp(now)
    if before is None or before.date() != now.date():
        partitions.ensure_partitions(now.date())


def reap(*, now: datetime) -> None:
    """Give up on batches without a report, renew lapsed verdicts, note who lags or fell silent. Nothing is unread."""
    while missed.reap_batches(now=now).batches:
        pass
    resources.resume_due(now=now)
    region_keys.end_replaced(now=now)
    shedding.adjust_strides(now=now)
    verdicts.refresh_lapsed(now=now)
    regions.note_silence(now=now, unread=Unread())


def infer_scopes(*, now: datetime) -> None:
    """Find what the failures that are open have in common."""
    scopes.infer_scopes(now=now)


def look_at_tags(*, now: datetime) -> None:
    """Look at the tags on which regions do not agree."""
    tags.look_at_watched(now=now)


def tell_expiry(*, now: datetime) -> None:
    """Tell which certificates and logins expire soon."""
    expiry.tell(now=now)


def keep_house(*, now: datetime) -> None:
    """Make the days to come, and plan maintenance ahead."""
    partitions.ensure_partitions(now.date())
    maintenance.extend(now=now)


def roll_up(*, now: datetime) -> None:
    """Sum up the hours and days that have ended."""
    rollups.open_units(now=now)
    while rollups.advance(now=now):
        pass


def take_report(envelope: Any, *, now: datetime) -> list[Message]:
    """Take in a report, or note why not; return the messages to publish."""
    try:
        return ingest(envelope, now=now).messages
    except Refused as refused:
        refusals.note(RESULTS, refused.cause, refused.detail, now=now)
        return []


def take_heartbeat(envelope: Any, *, now: datetime, among_reports: bool) -> None:
    """Note that a region lives."""
    try:
        regions.record_heartbeat(envelope, now=now, among_reports=among_reports)
    except Refused as refused:
        refusals.note(RESULTS if among_reports else HEARTBEATS, refused.cause, refused.detail, now=now)
