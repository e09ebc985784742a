"""When a notice is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.delivery import (
    GIVEN_UP_AFTER,
    LONGEST_CHANNEL_PAUSE,
    ChannelKind,
    Destination,
    Parcel,
    is_given_up,
    pause,
)
from probes.policy.notices import Announcement, Topic
from probes.policy.terms import Severity

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 10), (2, 20), (3, 40), (5, 160), (6, 300), (7, 300), (10_000, 300)]
)
def test_pause_doubles_up_to_its_longest(failures: int, seconds: int) -> None:
    assert pause(failures, longest=LONGEST_CHANNEL_PAUSE, jitter=0.5) == timedelta(seconds=seconds)


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 7.5), (0.5, 10), (1.0, 12.5)])
def test_pause_is_moved_by_a_quarter(jitter: float, seconds: float) -> None:
    assert pause(1, longest=LONGEST_CHANNEL_PAUSE, jitter=jitter) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("asked", "waited"),
    [(2 * MINUTE, 2 * MINUTE), (timedelta(seconds=1), timedelta(seconds=10)), (600 * MINUTE, 60 * MINUTE)],
)
def test_receiver_is_heard_who_asks_for_a_pause_up_to_an_hour(asked: timedelta, waited: timedelta) -> None:
    assert pause(1, longest=LONGEST_CHANNEL_PAUSE, jitter=0.5, asked=asked) == waited


def test_notice_is_given_up_after_days() -> None:
    assert not is_given_up(NOW, now=NOW + GIVEN_UP_AFTER - MINUTE)
    assert is_given_up(NOW, now=NOW + GIVEN_UP_AFTER)


def test_destination_and_parcel_reach_another_process() -> None:
    destination = Destination(
        id=1,
        kind=ChannelKind.EMAIL,
        url="smtp://user:secret@mail.example",
        signing_key="k",
        sender="kairos@example.com",
        recipients=("oncall@example.com",),
        allowed_cidrs=("10.0.0.0/8",),
    )
    told = Announcement(topic=Topic.TEST, key="test/1", at=NOW, severity=Severity.INFO, title="A test")
    parcel = Parcel(id=5, uid="a", attempt=2, made_at=NOW, announcement=told)
    assert Destination.from_json(destination.to_json()) == destination
    assert Parcel.from_json(parcel.to_json()) == parcel


def test_destination_does_not_show_its_secrets() -> None:
    shown = repr(Destination(id=1, kind=ChannelKind.WEBHOOK, url="https://hooks.example/T0KEN", signing_key="K3Y"))
    assert "T0KEN" not in shown
    assert "K3Y" not in shown
