"""Find the few outcomes that are not available among the many that are, without reading all of history."""

from django.db import migrations

MAKE = "CREATE INDEX probes_outcome_trouble ON probes_outcome (slot, id) WHERE status <> 'available'"


class Migration(migrations.Migration):
    dependencies = [("probes", "0003_room_for_updates")]

    operations = [migrations.RunSQL(MAKE, "DROP INDEX probes_outcome_trouble")]
