"""A notice as an alert, by Prometheus Alertmanager's API v2.

An alert stands while it is told again; an incident that is over is told with its end. The labels name an incident,
and are the same from its opening to its end: what changes is in the annotations.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from probes.notify.post import post
from probes.policy.delivery import EVENT_STANDS_FOR, STANDS_FOR, Destination, Parcel, Receipt
from probes.policy.notices import Announcement, Topic
from probes.protocol.outcome import rfc3339
from probes.wire.transport import GuardedTransport

PATH: Final = "/api/v2/alerts"
_TEST_STANDS_FOR: Final = timedelta(minutes=5)


def alert_of(parcel: Parcel, *, now: datetime) -> dict[str, Any]:
    """Return the alert that a notice is by now."""
    told = parcel.announcement
    starts_at, ends_at = _times(told, now)
    return {
        "labels": _labels(told),
        "annotations": {"summary": told.title, "description": told.text, "kairos_id": parcel.uid},
        "startsAt": rfc3339(starts_at),
        "endsAt": rfc3339(max(ends_at, starts_at)),
    }


async def send(
    transport: GuardedTransport, destination: Destination, parcels: Sequence[Parcel], *, now: datetime
) -> Receipt:
    """Deliver notices in one request, of each alert the last. The receipt is that of the last notice."""
    alerts = [alert_of(parcel, now=now) for parcel in parcels]
    last = {tuple(sorted(alert["labels"].items())): alert for alert in alerts}
    body = json.dumps(list(last.values()), separators=(",", ":")).encode()
    base = "" if destination.url.endswith("/") else "/"
    return await post(transport, destination, parcels[-1].id, body, path=f"{base}{PATH[1:]}")


def _labels(told: Announcement) -> dict[str, str]:
    facts = told.facts
    labels = {"alertname": _name(told), "severity": told.severity.value}
    if told.incident_id is not None:
        incident, resource = facts["incident"], facts["resource"]
        labels["incident"] = str(told.incident_id)
        if scope := incident["scope"]:
            labels["scope"], labels[scope["kind"]] = scope["kind"], scope["name"]
        if resource:
            given = {"resource": resource["name"], "kind": resource["kind"], "registry": resource["registry"]}
            labels |= given | ({"group": resource["group"]} if resource["group"] else {})
    elif told.topic is Topic.REGION_CONDITION:
        labels |= {"region": facts["region"]} | ({"worker": facts["worker"]} if facts["worker"] else {})
    else:
        labels["event"] = told.key
    return labels


def _name(told: Announcement) -> str:
    if told.topic.is_of_incident:
        return "KairosIncident"
    return "Kairos" + "".join(word.capitalize() for word in told.topic.value.split("_"))


def _times(told: Announcement, now: datetime) -> tuple[datetime, datetime]:
    if told.topic.is_of_incident:
        incident = told.facts["incident"]
        began_at = datetime.fromisoformat(incident["began_at"])
        if told.topic is Topic.INCIDENT_RESOLVED and incident["resolved_at"]:
            return began_at, datetime.fromisoformat(incident["resolved_at"])
        return began_at, now + STANDS_FOR
    if told.topic is Topic.TEST:
        return told.at, told.at + _TEST_STANDS_FOR
    if told.facts.get("is_over"):
        return told.at, told.at
    return told.at, max(told.at + EVENT_STANDS_FOR, now + STANDS_FOR)  # also where it comes late
