"""What was down in each hour and day, for lists in the order of their downtime: little, so found at once (ADR 50)."""

from django.db import migrations

DOWNTIME = """
CREATE INDEX probes_dayrollup_down ON probes_dayrollup (resource_id, starts_at) INCLUDE (seconds_unavailable)
    WHERE region_id = 0 AND seconds_unavailable IS NOT NULL;
CREATE INDEX probes_hourrollup_down ON probes_hourrollup (resource_id, starts_at) INCLUDE (seconds_unavailable)
    WHERE region_id = 0 AND seconds_unavailable IS NOT NULL;
"""
NO_DOWNTIME = "DROP INDEX probes_dayrollup_down; DROP INDEX probes_hourrollup_down;"


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0047_changes'),
    ]

    operations = [
        migrations.RunSQL(DOWNTIME, NO_DOWNTIME),
    ]
