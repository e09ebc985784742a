"""What a link to the broker tells who sends: on kombu's broker in memory, which here is like Redis in all."""

from collections.abc import Iterator
from typing import Any

import pytest
from amqp.exceptions import MessageNacked
from celery import Celery, current_app
from kombu import Connection
from kombu.exceptions import OperationalError
from kombu.transport.memory import Channel
from redis.exceptions import NoPermissionError

from probes.broker.address import BrokerAddress
from probes.edge.app import INGEST, RUN_BATCH, make_app
from probes.edge.link import BrokerLink, LinkDown, NotAllowed, QueueFull
from probes.edge.settings import EdgeSettings
from probes.trust.keys import ControlKeys, RegionKeys

URL = "memory://"
ENVELOPE = {"body": "{}"}


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the link's clock shows; two messages fill a queue."""
    monkeypatch.setattr("probes.edge.link.MOST_WAITING", {"results": 2, "heartbeats": 2})
    return [1000.0]


@pytest.fixture
def link(seconds: list[float]) -> Iterator[BrokerLink]:
    keys = RegionKeys.generate("eu-west", ControlKeys.generate().verify_key)
    app = make_app(EdgeSettings(broker=BrokerAddress(URL), keys=keys), lambda _: None)
    link = BrokerLink(app, lambda: seconds[0])
    yield link
    with Connection(URL) as connection:
        for queue in ("results", "heartbeats"):
            connection.default_channel.queue_purge(queue)  # type: ignore[attr-defined] # missing from the stubs
    link.close()


def test_message_goes_to_the_queue_that_was_named(link: BrokerLink) -> None:
    for queue in ("heartbeats", "results", "heartbeats"):
        link.send(INGEST, ENVELOPE, queue=queue)
    assert (link.queue_length("results"), link.queue_length("heartbeats")) == (1, 2)


def test_queue_that_is_full_gets_no_more_until_it_has_room(link: BrokerLink, seconds: list[float]) -> None:
    """It is looked at every two seconds, and each time while it is full. The other queue has room."""
    for _ in range(3):
        link.send(INGEST, ENVELOPE, queue="results")
    seconds[0] += 2
    for _ in range(2):
        with pytest.raises(QueueFull, match="2 messages or more wait in results"):
            link.send(INGEST, ENVELOPE, queue="results")
    link.send(INGEST, ENVELOPE, queue="heartbeats")
    with Connection(URL) as connection:
        connection.default_channel.queue_purge("results")  # type: ignore[attr-defined] # missing from the stubs
    link.send(INGEST, ENVELOPE, queue="results")
    assert link.queue_length("results") == 1


def test_account_that_may_not_ask_for_the_length_sends(link: BrokerLink, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control plane of the version before made it."""

    def refuse(*_: Any) -> int:
        raise NoPermissionError("this user has no permissions to run the 'llen' command")

    with monkeypatch.context() as patch:
        patch.setattr(Channel, "_size", refuse)
        for _ in range(3):
            link.send(INGEST, ENVELOPE, queue="results")
    assert link.queue_length("results") == 3


def wrapped(cause: Exception) -> Exception:
    """Return the error as kombu raises it where its transport knows it."""
    error = OperationalError(str(cause))
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (wrapped(NoPermissionError("this user has no permissions to access one of the keys")), NotAllowed),
        (wrapped(MessageNacked()), QueueFull),
        (wrapped(OSError("connection reset")), LinkDown),
        (NoPermissionError("this user has no permissions to access one of the keys"), NotAllowed),
        (MessageNacked(), QueueFull),  # RabbitMQ, where a policy bounds the queue
        (OSError("connection reset"), LinkDown),
    ],
)
def test_sender_is_told_why_its_message_was_not_taken(
    link: BrokerLink, monkeypatch: pytest.MonkeyPatch, error: Exception, told: type[LinkDown]
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Channel, "_put", refuse)
        with pytest.raises(LinkDown) as caught:
            link.send(INGEST, ENVELOPE, queue="results")
    assert type(caught.value) is told
    link.send(INGEST, ENVELOPE, queue="results")
    assert link.queue_length("results") == 1


def test_app_of_a_region_leaves_the_current_one_alone() -> None:
    """What a process sends without naming an app would otherwise go to this one's broker, without a word."""
    keys = RegionKeys.generate("eu-west", ControlKeys.generate().verify_key)
    make_app(EdgeSettings(broker=BrokerAddress(URL), keys=keys), lambda _: None)
    assert current_app.main != "probes.edge"


def test_task_of_a_region_is_in_no_other_app() -> None:
    """Celery gives a task to each app that there is by default: two regions' in one process, and it warns."""
    keys = RegionKeys.generate("eu-west", ControlKeys.generate().verify_key)
    other = Celery("other", set_as_current=False)
    regions = [make_app(EdgeSettings(broker=BrokerAddress(URL), keys=keys), lambda _: None) for _ in range(2)]
    assert all(RUN_BATCH in region.tasks for region in regions)
    assert RUN_BATCH not in other.tasks
