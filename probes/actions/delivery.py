"""Handing out notices that are due, and noting what came of them. Sending them is the task's, between two of these.

A notice that is handed out is nobody else's until its lease ends; then it is taken for lost with its process, and
handed out again under the same `uid`. What came of an attempt counts only while no other has begun.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import BooleanField, Exists, ExpressionWrapper, F, OuterRef, Q

from probes.actions import announcements, secrets
from probes.models import Channel, Notice
from probes.policy import delivery
from probes.policy.delivery import ChannelKind, Destination, Parcel, Receipt, Result
from probes.policy.notices import NoticeState, Send, Suppress, Topic, Wait, judge, reminders_due
from probes.protocol.errors import clean_text
from probes.selectors import notices as selectors

AT_ONCE: Final = 20
"""So many notices of a channel are handed out at once: what there is time for."""

LOOKED_AT: Final = 500
"""So many are judged at once: an outage leaves one unsaid for each of its children, and only then comes its own."""

ASIDE_AFTER: Final = 5
"""A notice that was tried so often lets the others go first: a receiver may choke on this one alone."""

_LONGEST: Final = 300
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Round:
    """What is to be delivered to one channel, in this order."""

    destination: Destination
    parcels: Sequence[Parcel]


def remind(*, now: datetime) -> int:
    """Write the reminders that are due; returns how many."""
    new = []
    for item in selectors.to_remind():
        every = item.channel.reminds_every
        if not every or not (number := reminders_due(item.told_at, every, now=now)):
            continue
        told = announcements.of_reminder(item.incident, number, every, now=now)
        new.append(
            Notice(
                channel=item.channel,
                key=told.key,
                topic=told.topic,
                incident=item.incident,
                announcement=told.to_json(),
                created_at=now,
                due_at=now,
            )
        )
    if not new:
        return 0
    # One that waits for its channel says what the next one would.
    waits = Q(incident__in={row.incident_id for row in new}, state=NoticeState.PENDING)
    before = Notice.objects.filter(Q(key__in={row.key for row in new}) | waits, topic=Topic.INCIDENT_REMINDER)
    known = set(before.values_list("channel_id", "key"))
    waiting = set(before.filter(waits).values_list("channel_id", "incident_id"))
    missing = [
        row
        for row in new
        if (row.channel_id, row.key) not in known and (row.channel_id, row.incident_id) not in waiting
    ]
    return len(Notice.objects.bulk_create(missing, ignore_conflicts=True))


def hand_out(*, now: datetime, but: Iterable[int] = ()) -> list[Round]:
    """Return what is to be sent now, by channel, but nothing of these channels. It is nobody else's for a while.

    What is better left unsaid by now is noted so. Of one incident a channel gets one notice after the other.
    """
    skipped = set(but)
    rounds = []
    for channel in selectors.channels_due(now=now):
        if channel.pk in skipped:
            continue
        try:
            destination = _destination(channel)
        except secrets.SecretUnreadable as error:
            with transaction.atomic():
                _note_unreachable(channel.pk, str(error)[:_LONGEST], now=now, jitter=0.5)
            continue
        if parcels := _hand_out(channel, now):
            rounds.append(Round(destination, parcels))
    return rounds


def to_refresh(*, now: datetime) -> list[Round]:
    """Return by channel what Alertmanager is to be told again: what stands, and what has just ended."""
    rounds = []
    for channel in selectors.channels_to_refresh(due_before=now - delivery.REFRESH_EVERY, now=now):
        rows = [
            *selectors.alerts_that_stand(channel, now=now),
            *selectors.events_since(channel, since=now - delivery.EVENT_STANDS_FOR),
        ]
        if not rows:
            continue
        try:
            rounds.append(Round(_destination(channel), [_parcel(row) for row in rows]))
        except secrets.SecretUnreadable:
            continue  # said where a notice is handed out
    return rounds


def note(receipt: Receipt, parcel: Parcel, channel_id: int, *, now: datetime, jitter: float) -> None:
    """Write down what came of a parcel that was handed out, and of its channel. `jitter` is between 0 and 1."""
    detail = clean_text(receipt.detail, _LONGEST)
    with transaction.atomic():
        # Unless its lease ended meanwhile, and it was handed out once more.
        row = Notice.objects.filter(pk=parcel.id, attempts=parcel.attempt, state=NoticeState.PENDING)
        list(row.select_for_update(no_key=True).values_list("pk"))  # before its channel, as whoever sends it again
        again_at = min(parcel.due_at or now, now)  # so that it can be seen for how long it waits
        match receipt.result:
            case Result.DELIVERED:
                row.update(state=NoticeState.SENT, sent_at=now, last_error=detail)  # some may have refused it
                _note_well(channel_id)
                Channel.objects.filter(pk=channel_id).update(last_sent_at=now)
                return
            case Result.UNTRIED:
                row.update(attempts=F("attempts") - 1, due_at=again_at)
                return
            case Result.REFUSED:
                longest = delivery.LONGEST_NOTICE_PAUSE
                again_at = now + delivery.pause(parcel.attempt, longest=longest, jitter=jitter)
        if delivery.is_given_up(parcel.made_at, now=now):
            row.update(state=NoticeState.FAILED, last_error=detail)
        else:
            row.update(due_at=again_at, last_error=detail)
        if receipt.result is Result.UNREACHABLE:  # the notice is due as soon as the channel is tried again
            _note_unreachable(channel_id, detail, now=now, jitter=jitter, asked=receipt.retry_after)
        else:
            _note_well(channel_id)


def note_refreshed(receipt: Receipt, channel_id: int, *, now: datetime, jitter: float) -> None:
    """Write down what came of telling Alertmanager again."""
    with transaction.atomic():
        if receipt.result is Result.DELIVERED:
            Channel.objects.filter(pk=channel_id).update(refreshed_at=now)
            _note_well(channel_id)
        elif receipt.result is not Result.UNTRIED:
            detail = clean_text(receipt.detail, _LONGEST)
            _note_unreachable(channel_id, detail, now=now, jitter=jitter, asked=receipt.retry_after)


def _hand_out(channel: Channel, now: datetime) -> list[Parcel]:
    """Return what is to be sent, past all that is better left unsaid."""
    while True:
        parcels, judged = _judge(channel, now)
        if parcels or not judged:
            return parcels


def _judge(channel: Channel, now: datetime) -> tuple[list[Parcel], int]:
    """Judge notices that are due, until there are enough to send; return those, and how many were judged."""
    before = Notice.objects.filter(
        channel=channel, incident=OuterRef("incident"), state=NoticeState.PENDING, pk__lt=OuterRef("pk")
    )
    due = Notice.objects.filter(~Exists(before), channel=channel, state=NoticeState.PENDING, due_at__lte=now)
    if not channel.is_enabled:
        due = due.filter(topic=Topic.TEST)
    is_aside = ExpressionWrapper(Q(attempts__gte=ASIDE_AFTER), output_field=BooleanField())
    with transaction.atomic():
        rows = list(due.order_by(is_aside, "pk").select_for_update(skip_locked=True, of=("self",))[:LOOKED_AT])
        standings = selectors.standings(rows, now=now)
        parcels: list[Parcel] = []
        judged = []
        for row in rows:
            if len(parcels) == AT_ONCE:
                break
            judged.append(row)
            match judge(Topic(row.topic), standings[row.pk]):
                case Send():
                    due_at = row.due_at
                    row.attempts, row.due_at = row.attempts + 1, now + delivery.LEASE
                    parcels.append(_parcel(row, due_at))
                case Wait(until):
                    row.due_at = until
                case Suppress(because):
                    row.state, row.because = NoticeState.SUPPRESSED.value, because[:_LONGEST]
        Notice.objects.bulk_update(judged, ("attempts", "due_at", "state", "because"))
    return parcels, len(judged)


def _parcel(row: Notice, due_at: datetime | None = None) -> Parcel:
    return Parcel(
        id=row.pk,
        uid=str(row.uid),
        attempt=row.attempts,
        made_at=row.created_at,
        announcement=row.told,
        due_at=due_at,
    )


def _destination(channel: Channel) -> Destination:
    """Return the channel with its secrets in clear. Raises `SecretUnreadable`."""
    url, signing_key = secrets.open_channel_secret(channel)
    return Destination(
        id=channel.pk,
        kind=ChannelKind(channel.kind),
        url=url,
        signing_key=signing_key,
        sender=channel.sender,
        recipients=tuple(channel.recipients),
        allowed_cidrs=tuple(channel.allowed_cidrs),
        ca_pem=channel.ca_pem,
    )


def _note_well(channel_id: int) -> None:
    """Note that a channel answered; whatever was said of it before is over."""
    failing = Channel.objects.filter(pk=channel_id).exclude(failures=0)
    if failing.update(failures=0, failing_since=None, quiet_until=None, last_error=""):
        _log.info("channel %d is reached again", channel_id)


def _note_unreachable(
    channel_id: int, detail: str, *, now: datetime, jitter: float, asked: timedelta | None = None
) -> None:
    """Leave a channel alone for a while: longer each time, and as long as it asked for."""
    channel = Channel.objects.select_for_update(no_key=True).filter(pk=channel_id).first()
    if channel is None:
        return  # deleted meanwhile
    if not channel.failures:
        channel.failing_since = now
    if detail != channel.last_error:
        _log.warning("channel %d (%s) cannot be reached: %s", channel.pk, channel.name, detail)
    channel.failures += 1
    channel.last_error = detail
    longest = delivery.LONGEST_CHANNEL_PAUSE
    channel.quiet_until = now + delivery.pause(channel.failures, longest=longest, jitter=jitter, asked=asked)
    channel.save(update_fields=["failures", "failing_since", "quiet_until", "last_error"])
    long_ago = now - delivery.GIVEN_UP_AFTER
    if channel.failing_since and channel.failing_since <= long_ago:
        # One is tried at a time: waiting for its turn, each of many would be kept for longer than that.
        waiting = Notice.objects.filter(channel=channel, state=NoticeState.PENDING, due_at__lte=long_ago)
        free = list(
            waiting.select_for_update(no_key=True, skip_locked=True, of=("self",)).values_list("pk", flat=True)
        )
        Notice.objects.filter(pk__in=free).update(state=NoticeState.FAILED, last_error=detail)
