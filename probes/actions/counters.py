"""Adding to the counters."""

import json
from typing import Final

from django.db import connection

from probes.policy.counting import Tally

_ADD: Final = """
INSERT INTO probes_counter AS counter (counted, key, region_id, registry_id, counts, seconds)
SELECT counted, key, region_id, registry_id, counts, seconds FROM jsonb_to_recordset(%s::jsonb) AS given (
    counted text, key text, region_id bigint, registry_id bigint, counts bigint[], seconds double precision
)
ON CONFLICT (counted, key, region_id, registry_id) DO UPDATE SET
    counts = ARRAY(
        SELECT known + more FROM unnest(counter.counts, excluded.counts) WITH ORDINALITY AS sum (known, more, place)
        ORDER BY place
    ),
    seconds = counter.seconds + excluded.seconds
"""


def add(tally: Tally) -> None:
    """Add what was tallied. One statement, none where there is nothing.

    Call it at the end of the transaction in which it happened: others who count the same wait until that is over. All
    add in one order, and whoever adds waits for nobody afterwards, so none waits for another for ever.
    """
    if rows := tally.rows():
        with connection.cursor() as cursor:
            cursor.execute(_ADD, [json.dumps(rows)])
