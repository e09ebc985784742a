"""Begin with what is known of when a resource could last be had: the newest ballots, as far as they are good."""

from django.db import migrations

# Apart from the migration that adds the column, so that nobody waits for the table while all of it is written; verdicts
# first, as by whoever takes in a report meanwhile (see 0015).
SEED = """
WITH held AS (SELECT resource_id FROM probes_verdict ORDER BY resource_id FOR NO KEY UPDATE) SELECT count(*) FROM held;
UPDATE probes_regionstate SET success_slot = ballot_slot WHERE ballot <> 'bad' AND success_slot IS NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("probes", "0026_counters")]

    operations = [migrations.RunSQL(SEED, migrations.RunSQL.noop)]
