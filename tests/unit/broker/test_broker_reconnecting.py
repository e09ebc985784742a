"""How long is waited between two tries to reach the broker."""

import pytest
from celery import Celery

from kairos.celery import app as control_app
from kairos.embedded import free_port
from probes.broker.address import BrokerAddress
from probes.broker.reconnecting import LONGEST_SECONDS, EagerAMQP
from probes.edge.app import make_app
from probes.edge.settings import EdgeSettings
from probes.trust.keys import ControlKeys, RegionKeys


class EnoughTries(Exception):
    """So that a test ends."""


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collect, and spare the test, the pauses between the tries of an app's connection to nobody; thirty of them."""
    monkeypatch.setattr("kombu.utils.functional.sleep", lambda seconds: None)
    app = Celery("test", broker=f"redis://127.0.0.1:{free_port()}/0", amqp=EagerAMQP, fixups=[], set_as_current=False)
    found: list[float] = []

    def note(_: Exception, seconds: float) -> None:
        found.append(seconds)
        if len(found) == 30:
            raise EnoughTries

    with app.connection_for_read() as connection, pytest.raises(EnoughTries):
        connection.ensure_connection(note)
    return found


def test_broker_that_is_away_for_long_is_asked_again_every_few_seconds(waits: list[float]) -> None:
    assert max(waits) <= LONGEST_SECONDS * 1.2
    assert min(waits) >= 0.8


def test_broker_that_is_away_for_long_is_not_asked_all_the_time(waits: list[float]) -> None:
    assert sum(waits) > 90


def test_control_plane_and_regions_connect_like_this() -> None:
    keys = RegionKeys.generate("eu-west", ControlKeys.generate().verify_key)
    region_app = make_app(
        EdgeSettings(broker=BrokerAddress("redis://127.0.0.1:1/0"), keys=keys), lambda envelope: None
    )
    assert isinstance(region_app.amqp, EagerAMQP)
    assert isinstance(control_app.amqp, EagerAMQP)
