"""What a courier tells of what it was given, whatever happens to it."""

import asyncio
from datetime import UTC, datetime

import pytest

from probes.notify import webhook
from probes.notify.courier import Courier
from probes.policy.delivery import ChannelKind, Destination, Parcel, Result
from probes.policy.notices import Announcement, Topic
from probes.policy.terms import Severity

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOOK = Destination(id=1, kind=ChannelKind.WEBHOOK, url="https://hooks.example/T0KEN")
TOLD = Announcement(topic=Topic.TEST, key="test/1", at=NOW, severity=Severity.INFO, title="A test")


async def _results(parcels: list[Parcel]) -> list[tuple[int, Result, str]]:
    courier = Courier()
    try:
        await courier.take(HOOK, parcels, seconds=1.0)
        told = [await courier.next(seconds=1.0) for _ in parcels]
    finally:
        await courier.aclose()
    return [(item.receipt.id, item.receipt.result, item.receipt.detail) for item in told if item]


def test_notice_that_cannot_be_written_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a receipt it would be handed out again at the end of each lease, and nobody would know why."""

    def fail(_: Parcel) -> bytes:
        raise KeyError("facts")

    monkeypatch.setattr(webhook, "body_of", fail)
    parcels = [Parcel(id=pk, uid=str(pk), attempt=1, made_at=NOW, announcement=TOLD) for pk in (5, 6)]
    assert asyncio.run(_results(parcels)) == [
        (5, Result.UNREACHABLE, "it failed: KeyError"),
        (6, Result.UNTRIED, ""),
    ]
