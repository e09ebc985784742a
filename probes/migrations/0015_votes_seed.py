"""Begin with what is known: the runs that were counted are stances by now, and every verdict is computed anew.

Whoever had failed less than three times in a row keeps the stance that it had before, as far as anything was ever seen
of the image from there.
"""

from django.db import migrations

# Verdicts are locked first, and in their order, as by whoever takes in a report meanwhile: else the two would wait for
# each other.
SEED = """
WITH held AS (SELECT resource_id FROM probes_verdict ORDER BY resource_id FOR NO KEY UPDATE) SELECT count(*) FROM held;
INSERT INTO probes_globalterms (id, severity) VALUES (1, '');
UPDATE probes_regionstate
SET ballot = CASE WHEN consecutive_failures > 0 THEN 'bad' ELSE 'good' END,
    ballot_slot = CASE WHEN status IN ('indeterminate', 'config_error') THEN since ELSE last_slot END,
    run_since = since,
    bad_run = greatest(consecutive_failures, consecutive_successes),
    bad_run_since = since,
    stance = CASE
        WHEN consecutive_failures >= 3 THEN 'bad'
        WHEN consecutive_failures = 0 OR digest IS NOT NULL THEN 'good'
        ELSE 'unproved'
    END,
    stance_since = since
WHERE consecutive_failures + consecutive_successes > 0;
INSERT INTO probes_verdictchange (resource_id, at, before, state, explanation, inputs)
SELECT resource_id, since, 'unknown', state, '', inputs FROM probes_verdict WHERE state <> 'unknown';
UPDATE probes_verdict SET stale_at = now();
"""


class Migration(migrations.Migration):
    dependencies = [("probes", "0014_votes")]

    operations = [migrations.RunSQL(SEED, migrations.RunSQL.noop)]
