"""How log lines look, and which are left out."""

import json
import logging
import time
from datetime import UTC, datetime
from typing import Final

from django.db.utils import InterfaceError, OperationalError
from kombu.exceptions import OperationalError as BrokerError

OUTAGE_SECONDS: Final = 60.0
# Connection exceptions, and a server that shuts down or starts: the rest of PostgreSQL's errors come from one that is
# there. https://www.postgresql.org/docs/current/errcodes-appendix.html
_AWAY: Final = ("08", "57P")
_REJECTING: Final = frozenset({"on_unknown_message", "on_unknown_task", "on_invalid_task"})


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines that collect logs (`KAIROS_LOG_FORMAT=json`).

    Fields: `at` (RFC 3339, UTC), `level`, `logger`, `message`, and `exception` where there is one.
    """

    def format(self, record: logging.LogRecord) -> str:
        document = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False)


def is_not_about_readiness(record: logging.LogRecord) -> bool:
    """Drop the line that Django writes for each "not ready": whoever asks has the answer, and asks often."""
    return getattr(getattr(record, "request", None), "path", None) != "/readyz"


def is_not_about_a_rejected_message(record: logging.LogRecord) -> bool:
    """Drop what Celery tells of a message that it rejects: the guard says so in one line, with the cause."""
    return record.funcName not in _REJECTING


class OutageFilter(logging.Filter):
    """Tell in one line that a server is away, and again after a minute, instead of in a traceback every second."""

    def __init__(self) -> None:
        super().__init__()
        self._told_at: dict[tuple[str, type[BaseException]], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is None or not is_outage(error):
            return True
        now, key = time.monotonic(), (record.name, type(error))
        if now - self._told_at.get(key, -OUTAGE_SECONDS) < OUTAGE_SECONDS:
            return False
        self._told_at[key] = now
        record.msg, record.args = record.getMessage().partition("\n")[0], ()
        record.exc_info = None
        return True


def is_outage(error: BaseException) -> bool:
    """Tell whether the database or the broker does not answer, as against an answer that is an error."""
    # Here, as the settings load this module, and where nothing has failed many a program needs neither.
    from celery.beat import SchedulingError  # noqa: PLC0415 - see above
    from redis import exceptions as redis  # noqa: PLC0415 - likewise

    if isinstance(error, SchedulingError):
        return error.__context__ is not None and is_outage(error.__context__)
    if isinstance(error, OperationalError):
        state = getattr(error.__cause__, "sqlstate", None)
        return state is None or state.startswith(_AWAY)
    return isinstance(error, (InterfaceError, BrokerError, redis.ConnectionError, redis.TimeoutError))
