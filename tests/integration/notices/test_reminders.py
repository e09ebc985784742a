"""Telling again of what lasts: rows of the outbox, nothing sent."""

from typing import Any

import pytest

from probes.actions import delivery, incidents
from probes.models import Channel, Incident, Resource
from probes.policy.notices import HOLD
from tests.fakes.control_plane import ControlPlane
from tests.integration.notices.conftest import MakeChannel
from tests.integration.notices.happening import EVERYWHERE, MINUTE, deliver, topics

pytestmark = pytest.mark.django_db


def test_reminders_go_on_until_somebody_is_at_it(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel, django_user_model: Any
) -> None:
    make_channel(reminder_minutes=60)
    plane.check(image, finds=EVERYWHERE)
    deliver(plane.now + HOLD)
    told_at = plane.now + HOLD
    delivery.remind(now=told_at + 59 * MINUTE)
    assert topics() == ["incident_opened"]
    for _ in range(2):
        delivery.remind(now=told_at + 61 * MINUTE)
    assert deliver(told_at + 61 * MINUTE) == ["ghcr.io/org/app:1 is still unavailable, since 1 h 2 min"]
    delivery.remind(now=told_at + 300 * MINUTE)
    assert len(deliver(told_at + 300 * MINUTE)) == 1  # of four that were missed
    somebody = django_user_model.objects.create(username="somebody")
    incidents.acknowledge(Incident.objects.get().pk, by=somebody, now=told_at)
    delivery.remind(now=told_at + 400 * MINUTE)
    assert deliver(told_at + 400 * MINUTE) == []


def test_reminders_do_not_pile_up_while_the_channel_is_down(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel
) -> None:
    make_channel(reminder_minutes=10)
    plane.check(image, finds=EVERYWHERE)
    deliver(plane.now + HOLD)
    for number in range(1, 7):
        delivery.remind(now=plane.now + HOLD + 10 * number * MINUTE)
    assert len(deliver(plane.now + 70 * MINUTE)) == 1


def test_reminders_that_are_to_come_less_often_go_on(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel
) -> None:
    channel = make_channel(reminder_minutes=10)
    plane.check(image, finds=EVERYWHERE)
    told_at = plane.now + HOLD
    deliver(told_at)
    for number in range(1, 7):
        delivery.remind(now=told_at + 10 * number * MINUTE)
        deliver(told_at + 10 * number * MINUTE)
    Channel.objects.filter(pk=channel.pk).update(reminder_minutes=60)
    delivery.remind(now=told_at + 121 * MINUTE)
    assert len(deliver(told_at + 121 * MINUTE)) == 1
