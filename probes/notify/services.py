"""A notice to any of the services that Apprise knows. It blocks: `probes.notify.child` runs it.

Apprise dials by itself, wherever its URL leads: no guard stands in between, so only a superuser may set such a URL.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Final

import apprise

from probes.policy.channel_url import secrets_in
from probes.policy.delivery import Destination, Parcel, Receipt, Result
from probes.policy.notices import Topic
from probes.policy.terms import Severity
from probes.protocol.errors import clean_text
from probes.protocol.redaction import scrub

_LONGEST_ANSWER: Final = 200
_TYPES: Final = {
    Severity.CRITICAL: apprise.NotifyType.FAILURE,
    Severity.WARNING: apprise.NotifyType.WARNING,
    Severity.INFO: apprise.NotifyType.INFO,
}


def send(destination: Destination, parcels: Sequence[Parcel]) -> Iterator[Receipt]:
    """Deliver notices one by one, and yield what came of each."""
    hidden = secrets_in(destination.url)
    service = apprise.Apprise()
    if not service.add(destination.url):
        yield Receipt(id=parcels[0].id, result=Result.UNREACHABLE, detail="Apprise knows no such service")
        return
    for parcel in parcels:
        told = parcel.announcement
        is_over = told.topic is Topic.INCIDENT_RESOLVED
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:  # type: ignore[no-untyped-call]
            is_sent = service.notify(
                title=told.title,
                body=told.text or told.title,
                notify_type=apprise.NotifyType.SUCCESS if is_over else _TYPES[told.severity],
            )
            words = said.getvalue()
        if not is_sent:
            detail = scrub(clean_text(f"Apprise: {words or 'not delivered'}", _LONGEST_ANSWER), hidden)
            yield Receipt(id=parcel.id, result=Result.UNREACHABLE, detail=detail)
            return
        yield Receipt(id=parcel.id, result=Result.DELIVERED)
