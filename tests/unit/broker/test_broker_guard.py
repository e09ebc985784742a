"""The guard: counts what it refuses, and lets nothing of that reach the consumer."""

import logging

import pytest
from celery import Celery
from kombu.transport import TRANSPORT_ALIASES, _transport_cache  # type: ignore[attr-defined] # private

from probes.broker import amqp, redis
from probes.broker.guard import Guard
from probes.broker.transports import guard_queues
from probes.trust.refusal import RefusalCause


class Counted:
    def __init__(self) -> None:
        self.refused: list[tuple[str, RefusalCause]] = []

    def __call__(self, queue: str, cause: RefusalCause, detail: str) -> None:
        self.refused.append((queue, cause))


def test_refused_entry_is_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    counted = Counted()
    guard = Guard({"results": {"probes.ingest"}}, counted)
    assert not guard.admits("results", b"garbage")
    assert counted.refused == [("results", RefusalCause.MALFORMED)]
    assert guard.popped == 1
    assert [record.getMessage() for record in caplog.records] == [
        "refused a message from results: malformed (the entry: Expecting value: line 1 column 1 (char 0))"
    ]


def test_count_that_fails_does_not_reach_the_consumer(caplog: pytest.LogCaptureFixture) -> None:
    def fail(queue: str, cause: RefusalCause, detail: str) -> None:
        raise ConnectionError("the database is away")

    assert not Guard({}, fail).admits("results", b"garbage")
    assert "could not be counted" in caplog.text


def test_screening_that_fails_refuses_the_entry(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("probes.broker.guard.screen", fail)
    counted = Counted()
    with caplog.at_level(logging.CRITICAL):
        assert not Guard({}, counted).admits("results", b"{}")
    assert counted.refused == [("results", RefusalCause.MALFORMED)]


def app(url: str) -> Celery:
    made = Celery("tests", broker=url, fixups=[], set_as_current=False)
    made.conf.broker_transport_options = {"health_check_interval": 5}
    return made


@pytest.mark.parametrize(
    ("url", "plain", "guarded"),
    [
        ("redis://127.0.0.1:1/0", "kombu.transport.redis:Transport", redis.Transport),
        ("amqp://127.0.0.1:1//", "kombu.transport.pyamqp:Transport", amqp.Transport),
        ("amqps://127.0.0.1:1//", "kombu.transport.pyamqp:SSLTransport", amqp.SSLTransport),
    ],
)
@pytest.mark.parametrize("is_configured", [True, False])
def test_app_consumes_through_its_guard(
    url: str,
    plain: str,
    guarded: type,
    is_configured: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scheme = url.partition(":")[0]
    monkeypatch.setitem(TRANSPORT_ALIASES, scheme, plain)
    monkeypatch.delitem(_transport_cache, scheme, raising=False)
    assert not isinstance(app(url).connection_for_read().transport, guarded)  # and kombu remembers it
    consuming = app(url)
    if is_configured:
        assert consuming.conf.broker_url
    guard = guard_queues(consuming, {}, on_refused=Counted())
    assert consuming.conf.broker_transport_options == {"health_check_interval": 5, "guard": guard}
    connection = consuming.connection_for_read()
    assert isinstance(connection.transport, guarded)
    assert connection.transport_options == consuming.conf.broker_transport_options


def test_schemes_stay_those_that_kombu_knows() -> None:
    guard_queues(app("redis://127.0.0.1:1/0"), {}, on_refused=Counted())
    assert TRANSPORT_ALIASES["redis"] == TRANSPORT_ALIASES["rediss"] == "probes.broker.redis:Transport"
