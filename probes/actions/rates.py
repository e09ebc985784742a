"""Requests are counted in the database: all web processes count together, and no broker needs to be there for it."""

from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from probes.policy import rates

KEPT: Final = timedelta(hours=1)
"""Who has not asked for so long is forgotten."""

_COUNT: Final = """
INSERT INTO probes_requestcount AS counted (key, began_at, taken) VALUES (%(key)s, %(began_at)s, 1)
ON CONFLICT (key) DO UPDATE SET
    taken = CASE WHEN counted.began_at = EXCLUDED.began_at THEN counted.taken + 1 ELSE 1 END,
    began_at = EXCLUDED.began_at
RETURNING taken
"""


def count(key: str, *, now: datetime) -> int:
    """Count a request of whom `key` stands for; return how many that makes in this window. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"key": key, "began_at": rates.window_of(now)})
        (taken,) = cursor.fetchone()
    return int(taken)
