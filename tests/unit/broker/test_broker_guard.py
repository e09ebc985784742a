"""The guard: counts what it refuses, and lets nothing of that reach the consumer."""

import logging
import ssl

import pytest
from celery import Celery
from kombu.transport import TRANSPORT_ALIASES, _transport_cache  # type: ignore[attr-defined] # private

from probes.broker.redis import Guard, Transport, guard_queues
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

    monkeypatch.setattr("probes.broker.redis.screen", fail)
    counted = Counted()
    with caplog.at_level(logging.CRITICAL):
        assert not Guard({}, counted).admits("results", b"{}")
    assert counted.refused == [("results", RefusalCause.MALFORMED)]


def app(url: str) -> Celery:
    made = Celery("tests", broker=url, fixups=[], set_as_current=False)
    made.conf.broker_transport_options = {"health_check_interval": 5}
    return made


@pytest.mark.parametrize("is_configured", [True, False])
def test_app_consumes_through_its_guard(is_configured: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    guarded = app("redis://127.0.0.1:1/0")
    monkeypatch.setitem(TRANSPORT_ALIASES, "redis", "kombu.transport.redis:Transport")
    monkeypatch.delitem(_transport_cache, "redis", raising=False)
    assert not isinstance(guarded.connection_for_read().transport, Transport)  # and kombu remembers it
    guarded = app("redis://127.0.0.1:1/0")
    if is_configured:
        assert guarded.conf.broker_url
    guard = guard_queues(guarded, {}, on_refused=Counted())
    assert guarded.conf.broker_transport_options == {"health_check_interval": 5, "guard": guard}
    connection = guarded.connection_for_read()
    assert isinstance(connection.transport, Transport)
    assert connection.transport_options == guarded.conf.broker_transport_options


@pytest.mark.parametrize(
    ("url", "verification"),
    [
        ("rediss://127.0.0.1:1/0", ssl.CERT_REQUIRED),
        ("rediss://127.0.0.1:1/0?ssl_cert_reqs=required", ssl.CERT_REQUIRED),
        ("rediss://127.0.0.1:1/0?ssl_cert_reqs=none", ssl.CERT_NONE),
    ],
)
def test_tls_verifies_the_broker_unless_it_is_told_not_to(url: str, verification: ssl.VerifyMode) -> None:
    guarded = app(url)
    guard_queues(guarded, {}, on_refused=Counted())
    connection = guarded.connection_for_read()
    assert isinstance(connection.transport, Transport)
    assert connection.ssl == {"ssl_cert_reqs": verification}


def test_other_brokers_are_left_alone() -> None:
    guarded = app("amqp://127.0.0.1:1//")
    guard_queues(guarded, {}, on_refused=Counted())
    assert guarded.conf.broker_transport_options == {"health_check_interval": 5}
    assert guarded.connection_for_read().ssl is False


def test_schemes_stay_those_that_kombu_knows() -> None:
    guard_queues(app("redis://127.0.0.1:1/0"), {}, on_refused=Counted())
    assert TRANSPORT_ALIASES["redis"] == TRANSPORT_ALIASES["rediss"] == "probes.broker.redis:Transport"
