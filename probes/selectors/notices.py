"""Notices: what waits, and what of the world decides whether it is told."""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Min, Q

from probes.models import Channel, Incident, Notice, Region, Registry, Resource
from probes.policy.delivery import LONGEST_NOTICE_PAUSE, RESOLVED_TOLD_FOR, ChannelKind
from probes.policy.notices import NoticeState, Standing, Topic
from probes.policy.scopes import Kind
from probes.selectors.maintenance import Works

_OF_REGISTRIES: Final = (Kind.REGISTRY, Kind.REPOSITORY)
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
    return list(Channel.objects.filter(_may_be_tried(now), pk__in=wanted))


def _may_be_tried(now: datetime) -> Q:
    """No pause is as long as the last one here: then the clock was set back meanwhile."""
    return Q(quiet_until=None) | Q(quiet_until__lte=now) | Q(quiet_until__gt=now + 2 * LONGEST_NOTICE_PAUSE)


def channels_to_refresh(*, due_before: datetime, now: datetime) -> list[Channel]:
    """Return the Alertmanagers that have not been told since `due_before` of what stands."""
    return list(
        Channel.objects.filter(
            _may_be_tried(now),
            Q(refreshed_at=None)
            | Q(refreshed_at__lte=due_before)
            | Q(refreshed_at__gt=now),  # by a clock that was ahead
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
    """Return by notice how things stand with what it tells of. A constant number of queries, most often three."""
    rows = list(rows)
    known = _known([row for row in rows if row.topic == Topic.INCIDENT_RESOLVED])
    overtaken = _overtaken(rows)
    incidents = Incident.objects.select_related("parent__resource").in_bulk(
        {row.incident_id for row in rows} - {None}
    )
    until = _maintenance_until(rows, now=now)
    return {
        row.pk: _with(
            Standing(
                is_known=row.topic != Topic.INCIDENT_RESOLVED or (row.channel_id, row.incident_id) in known,
                is_overtaken=row.pk in overtaken,
                maintenance_until=until.get(row.pk),
            ),
            incidents.get(row.incident_id or 0),
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


def _overtaken(rows: Iterable[Notice]) -> set[int]:
    """Return which conditions of regions that were kept back are not worth telling any more. One query at most.

    That are those which something came after, and the ends of what nobody was told.
    """
    kept = {row.pk: row for row in rows if row.topic == Topic.REGION_CONDITION and _was_kept_back(row)}
    if not kept:
        return set()
    about = {row.announcement["region_id"] for row in kept.values()}
    around = Notice.objects.filter(
        channel__in={row.channel_id for row in kept.values()},
        topic=Topic.REGION_CONDITION,
        announcement__region_id__in=about,
    )
    by_whom: dict[tuple[int, int, str | None], list[Notice]] = defaultdict(list)
    for row in around.order_by("pk"):
        by_whom[row.channel_id, row.announcement["region_id"], row.announcement["facts"]["worker"]].append(row)
    return {row.pk for told in by_whom.values() for row in _not_worth_telling(told, kept.keys())}


def _not_worth_telling(notices: Sequence[Notice], kept: Container[int]) -> Iterator[Notice]:
    """Yield what of one channel's notices of one region, or of one of its workers, was kept back for nothing."""
    is_bad = False  # as far as was told
    for place, row in enumerate(notices):
        is_over = row.announcement["facts"]["is_over"]
        if row.pk not in kept:
            is_bad = not is_over if row.state == NoticeState.SENT else is_bad
        elif not is_bad if is_over else place + 1 < len(notices):
            yield row


def _was_kept_back(row: Notice) -> bool:
    return row.attempts == 0 and row.due_at > row.created_at


def _with(standing: Standing, incident: Incident | None) -> Standing:
    if incident is None:
        return replace(standing, is_known=True)  # it was deleted, and with it what would tell
    parent = incident.parent
    return replace(
        standing,
        parent=f"{parent.subject}, incident {parent.pk}" if parent and parent.is_open else "",
        is_open=incident.is_open,
        is_flapping=incident.is_flapping,
        is_acknowledged=incident.acknowledged_at is not None,
    )


def _maintenance_until(rows: Iterable[Notice], *, now: datetime) -> Mapping[int, datetime]:
    """Return by notice when the maintenance ends of what it tells of. One query, three more while any is on.

    Of a resource it is that which is seen from everywhere; of a registry or a region that of the whole.
    """
    works = Works.on(now)
    if not (works.whole or works.seen):
        return {}
    wanted = {row.announcement["resource_id"] for row in rows} - {None}
    resources = {row.pk: works.end(row) for row in Resource.objects.filter(pk__in=wanted)}
    registries = _ends((pk, work.ends_at) for work in works.whole for pk in work.registries)
    regions = _ends((pk, work.ends_at) for work in works.seen if work.is_of_everything for pk in work.regions)
    hosts = dict(Registry.objects.filter(pk__in=registries).values_list("host", "pk"))
    slugs = dict(Region.objects.filter(pk__in=regions).values_list("slug", "pk"))

    def end(told: Mapping[str, Any]) -> datetime | None:
        if told["resource_id"]:
            return resources.get(told["resource_id"])
        if scope := told["facts"].get("incident", {}).get("scope"):
            name = scope["name"].partition("/")[0]
            if scope["kind"] == Kind.REGION:
                return regions.get(slugs.get(name, 0))
            return registries.get(hosts.get(name, 0)) if scope["kind"] in _OF_REGISTRIES else None
        if told["topic"] == Topic.REGION_CONDITION:
            return regions.get(told["region_id"])
        return registries.get(told["registry_id"] or 0)

    ends = {row.pk: end(row.announcement) for row in rows}
    return {pk: at for pk, at in ends.items() if at}


def _ends(ended: Iterable[tuple[int, datetime]]) -> Mapping[int, datetime]:
    """Return the last end for each id."""
    last: dict[int, datetime] = {}
    for pk, at in ended:
        last[pk] = max(at, last.get(pk, at))
    return last
