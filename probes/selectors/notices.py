"""Notices: what waits, and what of the world decides whether it is told."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count, Min, Q

from probes.models import Channel, Incident, Notice, Resource
from probes.policy.delivery import RESOLVED_TOLD_FOR, ChannelKind
from probes.policy.notices import NoticeState, Standing, Topic
from probes.selectors.maintenance import Works

_OPENING: Final = (Topic.INCIDENT_OPENED, Topic.INCIDENT_WORSE, Topic.INCIDENT_FLAPPING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """How many notices are in each state, and since when the oldest is due that nobody has taken."""

    counts: Mapping[NoticeState, int]
    oldest_due_at: datetime | None


def outbox(*, now: datetime) -> Outbox:
    """Return how the outbox stands. Two queries."""
    counted = Notice.objects.order_by().values_list("state").annotate(count=Count("pk"))
    overdue = Notice.objects.filter(state=NoticeState.PENDING, due_at__lte=now, channel__is_enabled=True)
    counts: Counter[NoticeState] = Counter({NoticeState(state): count for state, count in counted})
    return Outbox(
        counts={state: counts[state] for state in NoticeState},
        oldest_due_at=overdue.aggregate(oldest=Min("due_at"))["oldest"],
    )


def channels_due(*, now: datetime) -> list[Channel]:
    """Return the channels for which something is due and that may be tried now. Disabled ones are still tested."""
    due = Notice.objects.filter(state=NoticeState.PENDING, due_at__lte=now)
    wanted = due.filter(Q(channel__is_enabled=True) | Q(topic=Topic.TEST)).values("channel")
    return list(Channel.objects.filter(Q(quiet_until=None) | Q(quiet_until__lte=now), pk__in=wanted))


def channels_to_refresh(*, due_before: datetime, now: datetime) -> list[Channel]:
    """Return the Alertmanagers that have not been told since `due_before` of what stands."""
    return list(
        Channel.objects.filter(
            Q(quiet_until=None) | Q(quiet_until__lte=now),
            Q(refreshed_at=None) | Q(refreshed_at__lte=due_before),
            kind=ChannelKind.ALERTMANAGER,
            is_enabled=True,
        )
    )


def alerts_that_stand(channel: Channel, *, now: datetime) -> list[Notice]:
    """Return, of each incident that Alertmanager is to be told of again, the notice that was sent last."""
    of_incidents = (
        Notice.objects.filter(channel=channel, state=NoticeState.SENT, incident__isnull=False)
        .filter(Q(incident__resolved_at=None) | Q(topic=Topic.INCIDENT_RESOLVED, sent_at__gt=now - RESOLVED_TOLD_FOR))
        .order_by("incident_id", "-pk")
        .distinct("incident_id")
    )
    return list(of_incidents)


def events_since(channel: Channel, *, since: datetime) -> list[Notice]:
    """Return what a channel was told after that instant that is no incident's, the oldest first."""
    sent = Notice.objects.filter(channel=channel, state=NoticeState.SENT, incident=None, sent_at__gt=since)
    return list(sent.exclude(topic=Topic.TEST).order_by("pk"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ToRemind:
    """An open incident that a channel was told of at `told_at`."""

    channel: Channel
    incident: Incident
    told_at: datetime


def to_remind() -> list[ToRemind]:
    """Return the incidents of which channels are to be reminded now and then. Three queries."""
    told = (
        Notice.objects.filter(
            channel__is_enabled=True,
            channel__reminder_minutes__isnull=False,
            incident__resolved_at=None,
            incident__acknowledged_at=None,
            incident__is_flapping=False,
            state=NoticeState.SENT,
            topic__in=_OPENING,
        )
        .filter(Q(incident__parent=None) | Q(incident__parent__resolved_at__isnull=False))  # others are explained
        .order_by()
        .values("channel", "incident")
        .annotate(told_at=Min("sent_at"))
    )
    rows = list(told)
    channels = Channel.objects.in_bulk({row["channel"] for row in rows})
    concerned = Incident.objects.select_related("resource__registry", "resource__group")
    incidents = concerned.in_bulk({row["incident"] for row in rows})
    return [
        ToRemind(channel=channels[row["channel"]], incident=incidents[row["incident"]], told_at=row["told_at"])
        for row in rows
        if row["channel"] in channels and row["incident"] in incidents
    ]


def standings(rows: Iterable[Notice], *, now: datetime) -> Mapping[int, Standing]:
    """Return by notice how things stand with what it tells of. Three queries, one more where an incident is over."""
    rows = list(rows)
    known = _known([row for row in rows if row.topic == Topic.INCIDENT_RESOLVED])
    incidents = Incident.objects.select_related("parent__resource").in_bulk(
        {row.incident_id for row in rows} - {None}
    )
    until = _maintenance_until({row.announcement["resource_id"] for row in rows} - {None}, now=now)
    return {
        row.pk: _standing(
            row,
            incidents.get(row.incident_id or 0),
            until,
            is_known=row.topic != Topic.INCIDENT_RESOLVED or (row.channel_id, row.incident_id) in known,
        )
        for row in rows
    }


def _known(rows: Sequence[Notice]) -> set[tuple[int, int | None]]:
    """Return of which of these incidents which channels were told something. One query at most.

    What was to be told when one was over may have been left unsaid since: beneath a parent, say.
    """
    channels, found = {row.channel_id for row in rows}, {row.incident_id for row in rows} - {None}
    if not found:
        return set()
    told = Notice.objects.filter(channel__in=channels, incident__in=found, state=NoticeState.SENT)
    return set(told.order_by().values_list("channel_id", "incident_id").distinct())


def _standing(row: Notice, incident: Incident | None, until: Mapping[int, datetime], *, is_known: bool) -> Standing:
    maintenance_until = until.get(row.announcement["resource_id"] or 0)
    if incident is None:
        return Standing(maintenance_until=maintenance_until)
    parent = incident.parent
    return Standing(
        parent=f"{parent.subject}, incident {parent.pk}" if parent and parent.is_open else "",
        is_known=is_known,
        is_open=incident.is_open,
        is_flapping=incident.is_flapping,
        is_acknowledged=incident.acknowledged_at is not None,
        maintenance_until=maintenance_until,
    )


def _maintenance_until(resource_ids: Iterable[int], *, now: datetime) -> Mapping[int, datetime]:
    """Return of the resources that are in maintenance as seen from everywhere when that ends. Two queries."""
    works = Works.on(now)
    found = ((row.pk, works.end(row)) for row in Resource.objects.filter(pk__in=resource_ids) if works.whole)
    return {pk: end for pk, end in found if end}
