"""Begin the history of pauses with what is known: which resources are paused."""

from django.db import migrations

SEED = """
INSERT INTO probes_pause (resource_id, starts_at)
SELECT id, paused_at FROM probes_resource WHERE paused_at IS NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("probes", "0019_uptime")]

    operations = [migrations.RunSQL(SEED, migrations.RunSQL.noop)]
