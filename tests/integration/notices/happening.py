"""What the tests of this folder let happen, and what they look at."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final

from django.utils import timezone

from probes.actions import announcements, delivery, notices
from probes.models import Channel, Notice
from probes.policy.delivery import Parcel, Receipt, Result
from probes.protocol.taxonomy import Reason
from tests.fakes.far_region import finding
from tests.fakes.receivers import HttpReceiver

SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
GONE: Final = finding(Reason.TAG_NOT_FOUND)
EVERYWHERE: Final = dict.fromkeys(("ap-south", "eu-west", "us-east"), GONE)


def event(now: datetime, key: str, **values: Any) -> Any:
    """Return an event that nothing was looked up for."""
    usual = {
        "kind": "tag_moved",
        "at": now,
        "severity": "info",
        "key": key,
        "text": f"Tag {key} moved.",
        "facts": {},
        "region": "",
        "resource_id": None,
        "registry_id": None,
        "credential_id": None,
    }
    return SimpleNamespace(**usual | values)


def happen(*keys: str, now: datetime | None = None) -> None:
    """Let one event happen for each key."""
    at = now or timezone.now()
    notices.announce([announcements.of_event(event(at, key)) for key in keys], now=at)


def topics(channel: Channel | None = None, **lookup: Any) -> list[str]:
    rows = Notice.objects.filter(channel=channel) if channel else Notice.objects.all()
    return list(rows.filter(**lookup).order_by("id").values_list("topic", flat=True))


def states() -> list[str]:
    return list(Notice.objects.order_by("id").values_list("state", flat=True))


def handed_out(now: datetime) -> list[Parcel]:
    return [parcel for given in delivery.hand_out(now=now) for parcel in given.parcels]


def note(parcel: Parcel, channel: Channel, result: Result, now: datetime, detail: str = "") -> None:
    """Note what came of a parcel."""
    receipt = Receipt(id=parcel.id, result=result, detail=detail)
    delivery.note(receipt, parcel, channel.pk, now=now, jitter=0.5)


def deliver(now: datetime) -> list[str]:
    """Hand out what is due until nothing is, and take all of it for delivered; return the titles."""
    told = []
    while rounds := delivery.hand_out(now=now):
        for given in rounds:
            channel = Channel.objects.get(pk=given.destination.id)
            for parcel in given.parcels:
                note(parcel, channel, Result.DELIVERED, now)
                told.append(parcel.announcement.title)
    return told


def try_at_once() -> None:
    """Let the pauses of channels and notices be over."""
    Channel.objects.update(quiet_until=None)
    Notice.objects.filter(state="pending").update(due_at=timezone.now())


def titles(hook: HttpReceiver) -> list[str]:
    """Return what a webhook was told, in order."""
    return [item.json["title"] for item in hook.posts]


def told_by_alertmanager(hook: HttpReceiver) -> Sequence[tuple[str, str]]:
    """Return what Alertmanager told its webhook: state and name of each alert."""
    return [(alert["status"], alert["labels"]["alertname"]) for item in hook.posts for alert in item.json["alerts"]]
