"""Messages that were not acted upon: counted for ever, logged when they begin."""

import logging
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

NEW_AFTER: Final = timedelta(hours=1)

_log = logging.getLogger(__name__)

_COUNT: Final = """
WITH before AS (SELECT last_seen_at FROM probes_messagerefusal WHERE queue = %(queue)s AND cause = %(cause)s)
INSERT INTO probes_messagerefusal AS counter (queue, cause, count, first_seen_at, last_seen_at, last_detail)
VALUES (%(queue)s, %(cause)s, %(times)s, %(now)s, %(now)s, %(detail)s)
ON CONFLICT (queue, cause) DO UPDATE SET
    count = counter.count + excluded.count,
    last_seen_at = greatest(counter.last_seen_at, excluded.last_seen_at),
    last_detail = excluded.last_detail
RETURNING (SELECT last_seen_at FROM before)
"""


def count(queue: str, cause: str, detail: str, *, now: datetime, times: int = 1) -> bool:
    """Count `times` refusals; tell whether they are the first of their queue and cause for an hour."""
    parameters: dict[str, Any] = {"queue": queue[:60], "cause": cause[:40], "detail": _clean(detail)}
    parameters |= {"times": times, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, parameters)
        (last_seen_at,) = cursor.fetchone()
    return last_seen_at is None or now - last_seen_at >= NEW_AFTER


def note(queue: str, cause: str, detail: str, *, now: datetime, times: int = 1) -> None:
    """Count `times` refusals, and log them when they begin."""
    if count(queue, cause, detail, now=now, times=times):
        _log.warning("refused a message from %s: %s (%s)", queue, cause, _clean(detail))


def _clean(detail: str) -> str:
    return detail[:300].replace("\0", "")
