"""Every change of a verdict, written down by the database itself: of what comes and goes nothing is overlooked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import connection

_RECORD: Final = """
CREATE TABLE lab_verdict_change (id bigserial, resource_id bigint, before text, after text, at timestamptz);
CREATE FUNCTION lab_note_verdict() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lab_verdict_change (resource_id, before, after, at)
    VALUES (new.resource_id, old.state, new.state, clock_timestamp());
    RETURN NULL;
END $$;
CREATE TRIGGER lab_verdict_change AFTER UPDATE ON probes_verdict FOR EACH ROW
WHEN (old.state IS DISTINCT FROM new.state) EXECUTE FUNCTION lab_note_verdict();
"""


def record() -> None:
    """Begin to write down the changes in this process's database."""
    with connection.cursor() as cursor:
        cursor.execute(_RECORD)


def changes(since: datetime, until: datetime) -> Sequence[str]:
    """Return each kind of change, as `available → unknown`, with how many verdicts made it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT before, after, count(*) FROM lab_verdict_change WHERE at >= %s AND at < %s"
            " GROUP BY before, after ORDER BY min(id)",
            [since, until],
        )
        return [f"{before} → {after} ({count})" for before, after, count in cursor.fetchall()]
