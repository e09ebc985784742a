"""What came of a scenario, read from the database when it is over."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count

from kairos.simulation.expectation import INCIDENTS, NOTIFICATIONS, QUOTAS, REGIONS, VERDICTS, Line, Lines
from kairos.simulation.spans import span_text
from probes.models import Credential, Incident, IncidentEntry, Notice, Region, RegionEvent, Resource, VerdictChange
from probes.policy.incidents import EntryKind
from probes.policy.notices import NoticeState
from probes.selectors import quota

Moment = tuple[timedelta, str, str]
"""A line of the timeline: when, of what, and what of it."""

_SECOND: Final = timedelta(seconds=1)


def what_was_told(starts: datetime, ends: datetime) -> Lines:
    """Return every incident, notification, change of a region's condition and change of a verdict, in their order.

    And what was spent of each quota that is limited, within the window that ends with the scenario.
    """
    return {
        INCIDENTS: tuple(_incidents(starts)),
        NOTIFICATIONS: tuple(_notifications(starts)),
        REGIONS: tuple(_regions(starts)),
        VERDICTS: tuple(_verdicts(starts)),
        QUOTAS: tuple(_quotas(ends)),
    }


def timeline(starts: datetime) -> list[Moment]:
    """Return what happened, in words, in the order in which it did."""
    moments = [*_region_moments(), *_verdict_moments(), *_incident_moments()]
    return [(at - starts, of, what) for at, of, what in sorted(moments, key=lambda moment: moment[0])]


def _region_moments() -> Iterable[tuple[datetime, str, str]]:
    for event in RegionEvent.objects.select_related("region").order_by("id"):
        said = f": {event.detail}" if event.detail else ""
        yield event.at, f"region {event.region.slug}", f"{event.before} → {event.after}{said}"


def _verdict_moments() -> Iterable[tuple[datetime, str, str]]:
    for change in VerdictChange.objects.select_related("resource").order_by("id"):
        yield change.at, str(change.resource), f"{change.before} → {change.state}: {change.explanation}"


def _incident_moments() -> Iterable[tuple[datetime, str, str]]:
    entries = IncidentEntry.objects.exclude(kind__in=(EntryKind.REGION, EntryKind.DEPTH))
    for entry in entries.select_related("incident__resource").order_by("incident_id", "id"):
        turned = f"{entry.before} → {entry.after}" if entry.before else entry.after
        words = ": ".join(filter(None, (f"incident #{entry.incident_id} {entry.kind}", turned, entry.text)))
        yield entry.at, entry.incident.subject, words


def _incidents(starts: datetime) -> Iterable[Line]:
    alone = Incident.objects.filter(parent=None).annotate(explains=Count("children"))
    for incident in alone.select_related("resource").order_by("opened_at", "id"):
        flapped = incident.is_flapping or incident.entries.filter(kind=EntryKind.FLAPPING).exists()
        yield _line(
            of=incident.subject,
            level=incident.worst,
            began=_since(starts, incident.began_at),
            opened=_since(starts, incident.opened_at),
            resolved=_since(starts, incident.resolved_at),
            cause=incident.cause,
            flapped="yes" if flapped else "",
            children=incident.explains,
        )


def _notifications(starts: datetime) -> Iterable[Line]:
    """Yield what was sent; what was better left unsaid is none."""
    for notice in Notice.objects.filter(state=NoticeState.SENT).order_by("sent_at", "id"):
        yield _line(at=_since(starts, notice.sent_at), topic=notice.topic, of=_concerned(notice))


def _concerned(notice: Notice) -> str:
    """Return what a notice is of: an incident's subject, a region, or what an event is about."""
    told = notice.told
    if notice.incident:
        return notice.incident.subject
    if told.region_id:
        return f"region {Region.objects.get(pk=told.region_id).slug}"
    if told.resource_id:
        return str(Resource.objects.get(pk=told.resource_id))
    return str(Credential.objects.get(pk=told.credential_id) if told.credential_id else told.title)


def _regions(starts: datetime) -> Iterable[Line]:
    for event in RegionEvent.objects.filter(worker=None).select_related("region").order_by("id"):
        yield _line(at=_since(starts, event.at), region=event.region.slug, **{"is": event.after})


def _verdicts(starts: datetime) -> Iterable[Line]:
    for change in VerdictChange.objects.select_related("resource").order_by("id"):
        yield _line(at=_since(starts, change.at), of=str(change.resource), **{"is": change.state})


def _quotas(ends: datetime) -> Iterable[Line]:
    for row in quota.with_settings().order_by("id"):
        account = quota.account(row)
        if account.ceiling is not None:
            yield _line(of=row, spent=account.spent(ends), lowered=row.lowered, put_off=row.put_off)


def _since(starts: datetime, at: datetime | None) -> str:
    return span_text(at - starts) if at else ""


def _line(**fields: Any) -> Mapping[str, str]:
    return {name: str(value) for name, value in fields.items() if value}
