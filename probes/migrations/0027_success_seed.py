"""Begin with what is known of when a resource could last be had: the newest ballots, as far as they are good."""

from django.db import migrations, transaction

RESOURCES_AT_ONCE = 1000
"""Whoever takes in a report of one of them waits for as long as their rows are written: well under a second."""

NEXT = "SELECT max(id) FROM (SELECT id FROM probes_resource WHERE id > %s ORDER BY id LIMIT %s) AS next"

# Verdicts are locked first, and in their order, as by whoever takes in a report meanwhile (see 0015).
HOLD = "SELECT resource_id FROM probes_verdict WHERE resource_id > %s AND resource_id <= %s ORDER BY 1 FOR NO KEY UPDATE"

SEED = """
UPDATE probes_regionstate SET success_slot = ballot_slot
WHERE resource_id > %s AND resource_id <= %s AND ballot <> 'bad' AND success_slot IS NULL
"""


def seed(apps, schema_editor):
    """Go through the resources in their order. What an interrupted run has written, the next one leaves as it is."""
    done = 0
    while True:
        with transaction.atomic(schema_editor.connection.alias), schema_editor.connection.cursor() as cursor:
            cursor.execute(NEXT, [done, RESOURCES_AT_ONCE])
            (until,) = cursor.fetchone()
            if until is None:
                return
            cursor.execute(HOLD, [done, until])
            cursor.execute(SEED, [done, until])
        done = until


class Migration(migrations.Migration):
    # Each thousand for itself: nobody waits for the whole of it, nor for the table that 0026 adds the column to.
    atomic = False
    dependencies = [("probes", "0026_counters")]

    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
