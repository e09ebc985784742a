"""What is told of servers that are away, and of messages that were refused."""

import logging
from collections.abc import Iterator

import psycopg
import pytest
import redis
from celery.beat import SchedulingError
from django.db.utils import InterfaceError, OperationalError
from kombu.exceptions import OperationalError as BrokerError
from psycopg import errors

from kairos.logs import OutageFilter, is_not_about_a_rejected_message, is_outage


class Told(logging.Handler):
    """Keeps what it was told, as a terminal would show it."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(OutageFilter())
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


@pytest.fixture
def told() -> Iterator[Told]:
    handler = Told()
    logger = logging.getLogger("tests.outages")
    logger.propagate = False
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause
    except type(error) as caught:
        return caught


def scheduled(error: Exception) -> Exception:
    try:
        try:
            raise error
        except type(error):
            raise SchedulingError("cannot send")  # noqa: B904 - as Celery does
    except SchedulingError as caught:
        return caught


AWAY = raised(OperationalError("connection failed"), psycopg.OperationalError("connection failed"))


@pytest.mark.parametrize(
    "error",
    [
        AWAY,
        raised(OperationalError("shutting down"), errors.AdminShutdown("shutting down")),
        InterfaceError("the connection is closed"),
        BrokerError("connection refused"),
        redis.ConnectionError("connection refused"),
        redis.TimeoutError("no answer"),
        scheduled(BrokerError("connection refused")),
    ],
)
def test_server_that_does_not_answer_is_away(error: Exception) -> None:
    assert is_outage(error)


@pytest.mark.parametrize(
    "error",
    [
        raised(OperationalError("locked"), errors.LockNotAvailable("locked")),
        raised(OperationalError("deadlock"), errors.DeadlockDetected("deadlock")),
        ValueError("a mistake of ours"),
        scheduled(TypeError("a mistake of ours")),
    ],
)
def test_mistake_is_no_outage(error: Exception) -> None:
    assert not is_outage(error)


def test_outage_is_told_in_one_line_and_not_each_second(told: Told) -> None:
    logger = logging.getLogger("tests.outages")
    for _ in range(3):
        logger.error("no tick: %s\n%s", "connection failed", "a long story", exc_info=AWAY)
    logger.error("another thing")
    assert told.texts == ["no tick: connection failed", "another thing"]


def test_outage_is_told_again_after_a_minute(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    for second in (1000.0, 1059.0, 1061.0):
        monkeypatch.setattr("kairos.logs.time.monotonic", lambda now=second: now)
        logging.getLogger("tests.outages").error("at %.0f", second, exc_info=AWAY)
    assert told.texts == ["at 1000", "at 1061"]


def test_mistake_keeps_its_traceback(told: Told) -> None:
    logging.getLogger("tests.outages").error("failed", exc_info=raised(ValueError("a mistake of ours")))
    assert told.texts[0].startswith("failed\nTraceback")


@pytest.mark.parametrize(("function", "is_told"), [("on_unknown_task", False), ("on_message", True)])
def test_message_that_celery_rejects_is_told_by_the_guard_alone(function: str, is_told: bool) -> None:  # noqa: FBT001
    record = logging.LogRecord("celery", logging.ERROR, "", 0, "unregistered", None, None, func=function)
    assert is_not_about_a_rejected_message(record) is is_told
