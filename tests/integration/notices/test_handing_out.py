"""Handing out notices, and what becomes of those that were not delivered: rows of the outbox, nothing sent."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction

from probes.actions import notices, retention
from probes.actions.delivery import ASIDE_AFTER
from probes.models import Channel, Notice, Resource
from probes.policy.delivery import GIVEN_UP_AFTER, LEASE, Result
from probes.policy.notices import HOLD
from probes.selectors import notices as selectors
from tests.fakes.control_plane import ControlPlane
from tests.integration.control.waiting import wait_until_somebody_waits
from tests.integration.notices.conftest import MakeChannel
from tests.integration.notices.happening import EVERYWHERE, MINUTE, SECOND, deliver, handed_out, happen, note

pytestmark = pytest.mark.django_db


def test_notice_in_hand_is_nobody_elses_until_its_lease_ends(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel
) -> None:
    make_channel()
    plane.check(image, finds=EVERYWHERE)
    due = plane.now + HOLD
    (first,) = handed_out(due)
    assert handed_out(due + LEASE - SECOND) == []
    (second,) = handed_out(due + LEASE)
    assert (second.uid, second.attempt) == (first.uid, 2)
    # What the first process says of it so late is no longer asked.
    note(first, Channel.objects.get(), Result.REFUSED, due + LEASE, "late")
    assert (Notice.objects.get().last_error, Notice.objects.get().due_at) == ("", due + 2 * LEASE)


def test_channel_that_cannot_be_reached_is_left_alone_for_longer_and_longer(
    plane: ControlPlane, make_channel: MakeChannel
) -> None:
    channel = make_channel()
    happen("a", "b", "c", now=plane.now)
    now, pauses = plane.now, []
    for _ in range(3):
        first, *others = handed_out(now)
        note(first, channel, Result.UNREACHABLE, now, "connect refused: nobody")
        for parcel in others:
            note(parcel, channel, Result.UNTRIED, now)
        channel.refresh_from_db()
        assert channel.quiet_until is not None
        assert handed_out(channel.quiet_until - SECOND) == []
        pauses.append((channel.quiet_until - now).total_seconds())
        now = channel.quiet_until
    assert pauses == [10, 20, 40]
    assert (channel.failures, channel.failing_since) == (3, plane.now)
    assert channel.last_error == "connect refused: nobody"
    assert len(deliver(now)) == 3
    channel.refresh_from_db()
    assert (channel.failures, channel.quiet_until, channel.last_error, channel.last_sent_at) == (0, None, "", now)


@pytest.mark.django_db(transaction=True)
def test_failure_is_noted_in_the_order_in_which_notices_are_sent_again(
    plane: ControlPlane, make_channel: MakeChannel
) -> None:
    """Else the two would wait for each other, and one of them would fail."""
    channel = make_channel()
    happen("a", now=plane.now)
    (parcel,) = handed_out(plane.now)

    def fail() -> None:
        try:
            note(parcel, channel, Result.UNREACHABLE, plane.now, "connect refused")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as elsewhere:
        with transaction.atomic():
            Notice.objects.select_for_update().get(pk=parcel.id)
            failing = elsewhere.submit(fail)
            wait_until_somebody_waits()
            Channel.objects.select_for_update(no_key=True, nowait=True).get(pk=channel.pk)
        failing.result(30)
    channel.refresh_from_db()
    assert channel.failures == 1


def test_notice_that_its_receiver_chokes_on_lets_the_others_go_first(
    plane: ControlPlane, make_channel: MakeChannel
) -> None:
    channel = make_channel()
    happen("a", "b", now=plane.now)
    now = plane.now
    for _ in range(ASIDE_AFTER):
        first, second = handed_out(now)
        assert first.announcement.key == "event/a"
        note(first, channel, Result.UNREACHABLE, now, "HTTP 500")
        note(second, channel, Result.UNTRIED, now)
        now += 6 * MINUTE
    assert [parcel.announcement.key for parcel in handed_out(now)] == ["event/b", "event/a"]


def test_notice_that_cannot_be_delivered_is_seen_to_wait_since_it_was_due(
    plane: ControlPlane, make_channel: MakeChannel
) -> None:
    channel = make_channel()
    happen("a", now=plane.now)
    now = plane.now
    for _ in range(3):
        (parcel,) = handed_out(now)
        note(parcel, channel, Result.UNREACHABLE, now, "connect refused")
        now += 6 * MINUTE
    assert selectors.outbox(now=now).oldest_due_at == plane.now


def test_all_that_waits_for_a_channel_that_is_gone_is_given_up_in_time(
    plane: ControlPlane, make_channel: MakeChannel
) -> None:
    channel = make_channel()
    happen("a", "b", "c", now=plane.now)
    for now in (plane.now, plane.now + GIVEN_UP_AFTER):
        first, *others = handed_out(now)
        for parcel in others:
            note(parcel, channel, Result.UNTRIED, now)
        note(first, channel, Result.UNREACHABLE, now, "connect refused")
    assert set(Notice.objects.values_list("state", "last_error")) == {("failed", "connect refused")}


def test_clock_that_was_ahead_leaves_no_channel_alone_for_long(
    plane: ControlPlane, make_channel: MakeChannel
) -> None:
    channel = make_channel("alertmanager")
    happen("a", now=plane.now)
    (parcel,) = handed_out(plane.now)
    note(parcel, channel, Result.UNREACHABLE, plane.now, "connect refused")
    ahead = plane.now + timedelta(days=30)
    Channel.objects.update(quiet_until=ahead, refreshed_at=ahead)
    assert selectors.channels_to_refresh(due_before=plane.now - MINUTE, now=plane.now) == [channel]
    assert len(handed_out(plane.now)) == 1


def test_notice_that_is_refused_is_tried_again_and_holds_up_no_other(
    plane: ControlPlane, make_channel: MakeChannel
) -> None:
    channel = make_channel()
    happen("a", "b", now=plane.now)
    first, second = handed_out(plane.now)
    note(first, channel, Result.REFUSED, plane.now, "HTTP 422")
    note(second, channel, Result.DELIVERED, plane.now)
    refused = Notice.objects.get(pk=first.id)
    assert (refused.state, refused.last_error) == ("pending", "HTTP 422")
    assert refused.due_at == plane.now + 10 * SECOND
    (again,) = handed_out(refused.due_at)
    note(again, channel, Result.REFUSED, plane.now + GIVEN_UP_AFTER, "HTTP 422")
    refused.refresh_from_db()
    assert (refused.state, refused.last_error) == ("failed", "HTTP 422")


def test_notice_is_sent_again_by_hand(plane: ControlPlane, make_channel: MakeChannel) -> None:
    make_channel()
    happen("a", now=plane.now)
    (first,) = handed_out(plane.now)
    note(first, Channel.objects.get(), Result.DELIVERED, plane.now)
    later = plane.now + 5 * MINUTE
    assert notices.send_again([first.id], now=later) == 1
    (again,) = handed_out(later)
    assert again.id == first.id
    assert again.uid != first.uid  # its receiver would drop what it knows


def test_channel_without_a_key_for_its_secret_says_so(
    plane: ControlPlane, make_channel: MakeChannel, settings: Any
) -> None:
    channel = make_channel()
    happen("a", now=plane.now)
    settings.KAIROS_FERNET_KEYS_FILE = settings.KAIROS_FERNET_KEYS_FILE.with_name("none")
    assert handed_out(plane.now) == []
    channel.refresh_from_db()
    assert channel.failures == 1
    assert "No such file" in channel.last_error


def test_outbox_is_counted_and_old_notices_are_dropped(plane: ControlPlane, make_channel: MakeChannel) -> None:
    channel = make_channel()
    happen("a", "b", now=plane.now)
    first, second = handed_out(plane.now)
    note(first, channel, Result.DELIVERED, plane.now)
    note(second, channel, Result.UNREACHABLE, plane.now)
    found = selectors.outbox(now=plane.now + MINUTE)
    assert found.counts == {"pending": 1, "sent": 1, "failed": 0, "suppressed": 0}
    assert found.oldest_due_at == plane.now
    assert retention.drop_notices(before=plane.now + MINUTE) == 1
    assert Notice.objects.get().pk == second.id  # it is still to be told


def test_notices_of_an_open_incident_are_kept(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel
) -> None:
    """Whoever was told of it is told when it is over, however long that takes."""
    make_channel()
    plane.check(image, finds=EVERYWHERE)
    deliver(plane.now + HOLD)
    assert retention.drop_notices(before=plane.now + MINUTE) == 0
    plane.check(image)
    assert deliver(plane.now + HOLD) == ["ghcr.io/org/app:1 is available again, after 1 min"]
    assert retention.drop_notices(before=plane.now + 2 * MINUTE) == 2
