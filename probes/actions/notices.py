"""The outbox: an announcement becomes a notice for each channel that wants it, in its caller's transaction.

What happens and what is told of it are stored together or not at all. Where nobody is to be told that is one query.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from django.db import transaction
from django.db.models import Q

from probes.actions import announcements as words
from probes.actions.incidents import Done
from probes.models import Channel, Incident, Notice, Region, RegionEvent, Resource
from probes.policy.notices import (
    NOBODY_KNOWS,
    Announcement,
    Course,
    Earlier,
    NoticeState,
    Rule,
    Subject,
    Topic,
    course,
)
from probes.policy.terms import Severity

_COURSE_CHANGED: Final = (
    "announcement",
    "state",
    "due_at",
    "because",
    "created_at",
    "attempts",
    "last_error",
)

_COMMITTED_WITHIN: Final = timedelta(minutes=1)
"""So soon at the latest ends a transaction that changes maintenance."""


def announce(announcements: Sequence[Announcement], *, now: datetime) -> int:
    """Write the notices that channels want, and take back those that are overtaken; returns how many were written.

    A constant number of queries. Announcements of one incident come in their order.
    """
    if not announcements:
        return 0
    channels = list(Channel.objects.filter(is_enabled=True).prefetch_related("rules__groups", "rules__registries"))
    if not channels:
        return 0
    rules = {channel.pk: [rule.policy for rule in channel.rules.all()] for channel in channels}
    subjects = _Subjects(announcements)
    with transaction.atomic():
        outbox = _Outbox(channels, announcements, now)
        for channel in channels:
            for announcement in announcements:
                if outbox.is_wanted(announcement, channel, rules[channel.pk], subjects):
                    outbox.add(announcement, channel)
        return outbox.write()


def announce_incidents(done: Sequence[Done], *, now: datetime) -> int:
    """Tell of what was done with incidents."""
    return announce(words.of_incidents(done, now=now), now=now) if done else 0


def announce_region(event: RegionEvent, region: Region, *, now: datetime) -> int:
    """Tell of a change of a region's condition."""
    return announce([words.of_region(event, region)], now=now)


def test(channel: Channel, *, now: datetime) -> Notice:
    """Write a notice that tells of nothing, for one channel, whatever its rules: also where it is disabled."""
    announcement = Announcement(
        topic=Topic.TEST,
        key=f"test/{uuid4()}",
        at=now,
        severity=Severity.INFO,
        title="This is a test of Kairos' notices",
        text=f"Channel {channel.name}: whoever reads this is told when something happens.",
    )
    Channel.objects.filter(pk=channel.pk).update(quiet_until=None)
    return Notice.objects.create(
        channel=channel,
        key=announcement.key,
        topic=announcement.topic,
        announcement=announcement.to_json(),
        created_at=now,
        due_at=now,
    )


def send_again(notice_ids: Iterable[int], *, now: datetime) -> int:
    """Have notices sent at once, whatever became of them; returns how many.

    One that was sent before goes out as a new one: its receiver would drop what it knows. What waits to be tried
    again is tried now.
    """
    with transaction.atomic():
        rows = list(Notice.objects.filter(pk__in=list(notice_ids)).order_by("pk").select_for_update())
        for row in rows:
            if row.state == NoticeState.SENT:
                row.uid = uuid4()
            row.state, row.sent_at, row.because, row.last_error = NoticeState.PENDING.value, None, "", ""
            row.created_at = row.due_at = now  # tried for as long as a new one
        Notice.objects.bulk_update(rows, ("uid", "state", "sent_at", "because", "last_error", "created_at", "due_at"))
        Channel.objects.filter(pk__in={row.channel_id for row in rows}).update(quiet_until=None)
    return len(rows)


def judge_again(ends: Collection[datetime], *, now: datetime) -> int:
    """Have notices judged at once that wait for one of these ends of maintenance; returns how many.

    To be called where the end is moved, in that transaction. What is due is locked as well, and what will be before
    this is committed: whoever judges it now still sees the old end, and is waited for; whoever comes later waits for
    neither, and sees the new one.
    """
    if not ends:
        return 0
    soon = now + _COMMITTED_WITHIN
    pending = Notice.objects.filter(Q(due_at__in=ends) | Q(due_at__lte=soon), state=NoticeState.PENDING)
    locked = pending.order_by("pk").select_for_update(no_key=True).values_list("pk", "due_at")
    waiting = [pk for pk, due_at in locked if due_at in ends]
    return Notice.objects.filter(pk__in=waiting).update(due_at=now)


class _Subjects:
    """What rules look at, of each announcement."""

    def __init__(self, announcements: Sequence[Announcement]) -> None:
        self._children: dict[int, list[int]] = defaultdict(list)
        if scopes := {item.incident_id for item in announcements if item.incident_id and item.resource_id is None}:
            children = Incident.objects.filter(parent__in=scopes, resolved_at=None)
            for parent, child in children.values_list("parent_id", "resource_id"):
                if child is not None:
                    self._children[parent].append(child)
        wanted = {item.resource_id for item in announcements if item.resource_id}
        wanted.update(*self._children.values())
        rows = Resource.objects.filter(pk__in=wanted).values_list("pk", "group_id", "registry_id", "labels")
        self._resources = {
            pk: Subject(group=group, registry=registry, labels=labels) for pk, group, registry, labels in rows
        }

    def of(self, announcement: Announcement) -> list[Subject]:
        ids = (
            [announcement.resource_id] if announcement.resource_id else self._children[announcement.incident_id or 0]
        )
        found = [self._resources[pk] for pk in ids if pk in self._resources]
        if not found and announcement.registry_id:
            found.append(Subject(registry=announcement.registry_id))
        return found


@dataclass
class _Outbox:
    """What is to be written, and what was before of the same incidents: locked, so that none is sent meanwhile."""

    channels: Sequence[Channel]
    announcements: Sequence[Announcement]
    now: datetime
    _new: list[Notice] = field(default_factory=list)
    _changed: dict[int, Notice] = field(default_factory=dict)

    def __post_init__(self) -> None:
        incidents = {item.incident_id for item in self.announcements if item.incident_id}
        keys = [item.key for item in self.announcements if not item.incident_id]
        known = Q(incident__in=incidents) | Q(key__in=keys)
        self._earlier: dict[tuple[int, int | str], list[Notice]] = defaultdict(list)
        rows = Notice.objects.filter(known, channel__in=self.channels)
        for row in rows.order_by("pk").select_for_update(no_key=True):
            self._earlier[row.channel_id, row.incident_id or row.key].append(row)

    def is_wanted(
        self, announcement: Announcement, channel: Channel, rules: Sequence[Rule], subjects: _Subjects
    ) -> bool:
        """Tell whether the channel wants it. Whoever was told that it opened is told that it is over."""
        if announcement.topic is Topic.INCIDENT_RESOLVED:
            return bool(self._of(announcement, channel)) and any(rule.covers(announcement.topic) for rule in rules)
        return any(rule.wants(announcement, subjects.of(announcement)) for rule in rules)

    def add(self, announcement: Announcement, channel: Channel) -> None:
        earlier = self._of(announcement, channel)
        found = course(announcement, [_earlier(place, row) for place, row in enumerate(earlier)], now=self.now)
        if found is None:
            return
        for place in found.withdraw:
            earlier[place].state = NoticeState.SUPPRESSED.value
            earlier[place].because = found.because
            self._note(earlier[place])
        if found.replace is not None:
            held = earlier[found.replace]
            held.announcement = replace(announcement, topic=Topic(held.topic), key=held.key).to_json()
            self._note(held)
            return
        if found.again is None:
            row = Notice(channel=channel, key=announcement.key)
            self._new.append(row)
            earlier.append(row)
        else:
            row = earlier[found.again]
        self._fill(row, announcement, found)

    def write(self) -> int:
        Notice.objects.bulk_update(self._changed.values(), _COURSE_CHANGED)
        return len(Notice.objects.bulk_create(self._new, ignore_conflicts=True))

    def _of(self, announcement: Announcement, channel: Channel) -> list[Notice]:
        return self._earlier[channel.pk, announcement.incident_id or announcement.key]

    def _fill(self, row: Notice, announcement: Announcement, found: Course) -> None:
        is_told = found.due_at is not None
        row.topic, row.incident_id = announcement.topic.value, announcement.incident_id
        row.announcement = announcement.to_json()
        row.state = (NoticeState.PENDING if is_told else NoticeState.SUPPRESSED).value
        row.because = "" if is_told else (found.because or NOBODY_KNOWS)
        row.created_at, row.due_at = self.now, found.due_at or self.now
        row.attempts, row.last_error = 0, ""
        self._note(row)

    def _note(self, row: Notice) -> None:
        if row.pk:
            self._changed[row.pk] = row


def _earlier(place: int, row: Notice) -> Earlier:
    return Earlier(
        id=place,
        key=row.key,
        topic=Topic(row.topic),
        state=NoticeState(row.state),
        due_at=row.due_at,
        attempts=row.attempts,
    )
