"""What is announced, in words, of incidents, of regions and of events."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from probes.actions.incidents import Done
from probes.models import Incident, Region, RegionEvent, Resource
from probes.policy.happenings import EventKind
from probes.policy.incidents import BackDate, Cause, Flap, Leave, Level, Open, Resolve, Settle, Turn
from probes.policy.liveness import RegionCondition
from probes.policy.notices import Announcement, Topic
from probes.policy.spans import amount
from probes.policy.terms import Severity
from probes.protocol.errors import clean_text
from probes.protocol.outcome import rfc3339

LONGEST_TITLE: Final = 200
_OVER: Final = {
    Cause.RECOVERED: "is available again",
    Cause.PAUSED: "is paused: its incident is over",
    Cause.REPLACED: "names something else now: its incident is over",
    Cause.RETIRED: "is retired: its incident is over",
}
_WORSE: Final = Turn(Level.UNAVAILABLE)
_SEVERITY_OF_CONDITION: Final = {
    RegionCondition.SILENT: Severity.CRITICAL,
    RegionCondition.EGRESS_DOWN: Severity.CRITICAL,
    RegionCondition.LATE: Severity.WARNING,
}
_TOPICS_OF_EVENTS: Final = {
    EventKind.TAG_MOVED: Topic.TAG_MOVED,
    EventKind.IMMUTABLE_TAG_MOVED: Topic.IMMUTABLE_TAG_MOVED,
    EventKind.TAG_SPLIT: Topic.SPLIT_TAG,
    EventKind.TAG_JOINED: Topic.SPLIT_TAG,  # regions agree again
    EventKind.PLATFORM_VANISHED: Topic.PLATFORM_CHANGED,
    EventKind.PLATFORM_APPEARED: Topic.PLATFORM_CHANGED,
    EventKind.CERTIFICATE_EXPIRING: Topic.EXPIRY,
    EventKind.CERTIFICATE_EXPIRED: Topic.EXPIRY,
    EventKind.CLIENT_CERTIFICATE_EXPIRING: Topic.EXPIRY,
    EventKind.CLIENT_CERTIFICATE_EXPIRED: Topic.EXPIRY,
    EventKind.CREDENTIAL_EXPIRING: Topic.EXPIRY,
    EventKind.CREDENTIAL_EXPIRED: Topic.EXPIRY,
    EventKind.QUOTA_SHORT: Topic.QUOTA,
}


class HappenedEvent(Protocol):
    """What an event has to tell, whatever keeps it."""

    kind: str
    at: datetime
    severity: str
    key: str
    text: str
    facts: Mapping[str, Any]
    region: str
    resource_id: int | None
    registry_id: int | None
    credential_id: int | None


def of_incidents(done: Iterable[Done], *, now: datetime) -> list[Announcement]:
    """Return what there is to tell of what was done with incidents. One query, for all of their resources."""
    told = [item for item in done if not isinstance(item.deed, BackDate)]
    resources = _resources(item.incident.resource_id for item in told)
    says_more = {item.incident.pk for item in told if isinstance(item.deed, Resolve) or item.deed == _WORSE}
    found = (
        _of_deed(item, resources.get(item.incident.resource_id or 0), now)
        for item in told
        if not (isinstance(item.deed, Settle) and item.incident.pk in says_more)
    )
    return [announcement for announcement in found if announcement]


def of_reminder(incident: Incident, number: int, every: timedelta, *, now: datetime) -> Announcement:
    """Return what is told again of an incident that is open. Its resource should be there with registry and group.

    Reminders are counted anew when they come more often, or less.
    """
    title = f"{incident.subject} is still {incident.level}, since {amount((now - incident.began_at).total_seconds())}"
    topic = Topic.INCIDENT_REMINDER
    word = f"reminder/{every // timedelta(minutes=1)}/{number}"
    return _incident(incident, incident.resource, topic, word, now, title)


def of_region(event: RegionEvent, region: Region) -> Announcement:
    """Return what is told of a change of a region's condition, or of one of its workers."""
    before, after = RegionCondition(event.before), RegionCondition(event.after)
    who = (
        f"a worker of region {region.name or region.slug}" if event.worker else f"region {region.name or region.slug}"
    )
    is_back = after is RegionCondition.ACTIVE
    return Announcement(
        topic=Topic.REGION_CONDITION,
        key=f"region-event-{event.pk}",
        at=event.at,
        # It matters as much that it is over as it did that it began: a channel that heard the one hears the other.
        severity=_SEVERITY_OF_CONDITION.get(before if is_back else after, Severity.INFO),
        title=clean_text(f"{who} is {after.value.replace('_', ' ')}", LONGEST_TITLE),
        text=event.detail,
        region_id=region.pk,
        facts={
            "region": region.slug,
            "worker": str(event.worker) if event.worker else None,
            "before": before.value,
            "after": after.value,
            "is_over": is_back,
        },
    )


def of_event(event: HappenedEvent) -> Announcement:
    """Return what is told of an event: a tag, a platform, an expiry."""
    return Announcement(
        topic=_TOPICS_OF_EVENTS[EventKind(event.kind)],
        key=f"event/{event.key}",
        at=event.at,
        severity=Severity(event.severity),
        title=clean_text(event.text.partition("\n")[0], LONGEST_TITLE),
        text=event.text,
        resource_id=event.resource_id,
        registry_id=event.registry_id,
        credential_id=event.credential_id,
        facts={**event.facts, "kind": event.kind, "region": event.region},
    )


def _of_deed(done: Done, resource: Resource | None, now: datetime) -> Announcement | None:
    incident, deed = done.incident, done.deed
    subject = str(resource) if resource else incident.subject
    opened = f"{subject} {_how_it_is(incident)}"

    def say(topic: Topic, word: str, title: str) -> Announcement:
        return _incident(incident, resource, topic, word, now, title)

    match deed:
        case Open(is_flapping=True):
            return say(Topic.INCIDENT_FLAPPING, f"flapping/{rfc3339(now)}", f"{subject} comes and goes")
        case Open() | Leave():
            return say(Topic.INCIDENT_OPENED, "opened", opened)
        case Turn() if deed == _WORSE:
            return say(Topic.INCIDENT_WORSE, f"worse/{rfc3339(now)}", opened)
        case Flap():
            return say(Topic.INCIDENT_FLAPPING, f"flapping/{rfc3339(now)}", f"{subject} comes and goes")
        case Settle():
            title = f"{subject} has settled: it is {incident.level}"
            return say(Topic.INCIDENT_FLAPPING, f"settled/{rfc3339(now)}", title)
        case Resolve(cause=cause):
            lasted = amount(((incident.resolved_at or now) - incident.began_at).total_seconds())
            return say(Topic.INCIDENT_RESOLVED, "resolved", f"{subject} {_OVER[cause]}, after {lasted}")
    return None


def _how_it_is(incident: Incident) -> str:
    failing = f": {incident.extent} resources fail" if incident.resource_id is None and incident.extent else ""
    return f"is {incident.level}{failing}"


def _incident(
    incident: Incident, resource: Resource | None, topic: Topic, word: str, now: datetime, title: str
) -> Announcement:
    return Announcement(
        topic=topic,
        key=f"incident-{incident.pk}/{word}",
        at=now,
        severity=Severity(incident.severity),
        title=clean_text(title, LONGEST_TITLE),
        text=_why(incident),
        resource_id=incident.resource_id,
        registry_id=resource.registry_id if resource else None,
        incident_id=incident.pk,
        facts={
            "incident": {
                "id": incident.pk,
                "level": incident.level,
                "worst": incident.worst,
                "began_at": rfc3339(incident.began_at),
                "opened_at": rfc3339(incident.opened_at),
                "resolved_at": rfc3339(incident.resolved_at) if incident.resolved_at else None,
                "cause": incident.cause or None,
                "scope": {"kind": incident.scope_kind, "name": incident.scope_name} if incident.scope_kind else None,
                "extent": incident.extent,
            },
            "resource": _facts_of(resource) if resource else None,
        },
    )


def _why(incident: Incident) -> str:
    """Return what was said of it; of one that is over this is how it was, and no more how it is."""
    if incident.resolved_at is None or not incident.explanation:
        return incident.explanation
    return f"Last told: {incident.explanation}"


def _facts_of(resource: Resource) -> dict[str, Any]:
    return {
        "id": resource.pk,
        "name": str(resource),
        "kind": resource.kind,
        "reference": resource.shown_reference,
        "registry": resource.registry.host,
        "group": resource.group.name if resource.group else None,
        "labels": resource.labels,
    }


def _resources(ids: Iterable[int | None]) -> Mapping[int, Resource]:
    wanted = {pk for pk in ids if pk is not None}
    found = Resource.objects.filter(pk__in=wanted).select_related("registry", "group") if wanted else ()
    return {resource.pk: resource for resource in found}
