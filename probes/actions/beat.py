"""The control plane's own pulse."""

from datetime import datetime
from typing import Final

from django.db import connection

from probes.models.control import ControlBeat
from probes.policy.liveness import TICK_GAP, Unread

_STAMP: Final = """
WITH before AS (SELECT ticked_at FROM probes_controlbeat WHERE id = 1)
INSERT INTO probes_controlbeat AS beat (id, ticked_at, running_since) VALUES (1, %(now)s, %(now)s)
ON CONFLICT (id) DO UPDATE SET
    ticked_at = greatest(beat.ticked_at, excluded.ticked_at),
    running_since = CASE
        WHEN beat.ticked_at < %(late)s THEN excluded.ticked_at ELSE beat.running_since
    END
RETURNING (SELECT ticked_at FROM before)
"""


def stamp(now: datetime) -> datetime | None:
    """Note that a tick ran at `now`; return when the one before did, None if this is the first."""
    with connection.cursor() as cursor:
        cursor.execute(_STAMP, {"now": now, "late": now - TICK_GAP})
        (before,) = cursor.fetchone()
    return before if isinstance(before, datetime) else None


def note_empty(unread: Unread, *, now: datetime) -> None:
    """Note of each queue that regions write to that all before `now` has been read, where nothing waits in it.

    `unread` is what waited when, or after, it was `now`. What is noted stays as it is while something waits, while
    the broker is away, and while nobody looks.
    """
    empty = {}
    if not unread.reports:
        empty["results_empty_at"] = now
    if not unread.heartbeats:
        empty["heartbeats_empty_at"] = now
    if empty:
        ControlBeat.objects.update(**empty)
