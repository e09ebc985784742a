"""Notices delivered to Debian's Alertmanager, through its restarts: what it tells, it tells once.

Things happen an hour ago by the control plane's clock, so that nothing is held any more when it is delivered.
"""

import time

import pytest

from probes import tasks
from probes.models import Channel, Resource
from tests.fakes.control_plane import ControlPlane
from tests.fakes.receivers import Alertmanager, HttpReceiver, until
from tests.integration.notices.conftest import MakeChannel
from tests.integration.notices.happening import EVERYWHERE, happen, states, told_by_alertmanager, try_at_once

pytestmark = pytest.mark.django_db(transaction=True)


def refresh() -> None:
    """Let Alertmanager be told again now of all that stands."""
    Channel.objects.update(refreshed_at=None, quiet_until=None)
    tasks.notices()


def test_alertmanager_tells_of_an_incident_once_though_it_is_restarted(
    plane: ControlPlane,
    image: Resource,
    make_channel: MakeChannel,
    alertmanager: Alertmanager,
    hook: HttpReceiver,
) -> None:
    make_channel("alertmanager", alertmanager.url)
    plane.check(image, finds=EVERYWHERE)
    tasks.notices()
    until(lambda: told_by_alertmanager(hook) == [("firing", "KairosIncident")])
    alertmanager.stop()
    refresh()
    assert Channel.objects.get().last_error.startswith("connect refused")
    alertmanager.start()
    assert alertmanager.alerts() == []  # it keeps them in memory
    refresh()
    assert [alert["labels"]["resource"] for alert in alertmanager.alerts()] == ["ghcr.io/org/app:1"]
    time.sleep(1.0)  # some of its intervals, in which it could tell it again
    assert told_by_alertmanager(hook) == [("firing", "KairosIncident")]
    plane.check(image)
    tasks.notices()
    until(lambda: told_by_alertmanager(hook)[1:] == [("resolved", "KairosIncident")])
    assert states() == ["sent", "sent"]


def test_alertmanager_that_was_away_when_it_happened_is_told_when_it_is_back(
    plane: ControlPlane,
    image: Resource,
    make_channel: MakeChannel,
    alertmanager: Alertmanager,
    hook: HttpReceiver,
) -> None:
    make_channel("alertmanager", alertmanager.url)
    alertmanager.stop()
    plane.check(image, finds=EVERYWHERE)
    happen("a")
    tasks.notices()
    assert states() == ["pending", "pending"]
    alertmanager.start()
    try_at_once()
    tasks.notices()
    until(lambda: sorted(told_by_alertmanager(hook)) == [("firing", "KairosIncident"), ("firing", "KairosTagMoved")])
    assert states() == ["sent", "sent"]


def test_end_that_alertmanager_forgot_is_told_again(
    plane: ControlPlane,
    image: Resource,
    make_channel: MakeChannel,
    alertmanager: Alertmanager,
    hook: HttpReceiver,
) -> None:
    make_channel("alertmanager", alertmanager.url)
    plane.check(image, finds=EVERYWHERE)
    tasks.notices()
    until(lambda: told_by_alertmanager(hook) == [("firing", "KairosIncident")])
    hook.stop()  # nobody hears that it is over before Alertmanager is restarted
    plane.check(image)
    tasks.notices()
    alertmanager.stop()
    hook.start()
    alertmanager.start()
    refresh()
    until(lambda: told_by_alertmanager(hook)[1:] == [("resolved", "KairosIncident")])
