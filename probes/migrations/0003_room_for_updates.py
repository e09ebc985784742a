"""Leave room in the pages of rows that every report changes: the new version of a row then lies beside the old one,
its indexes stay as they are, and the next report tidies up. Without it both tables are twice as large and more.
"""

from django.db import migrations

LEAVE = """
ALTER TABLE probes_regionstate SET (fillfactor = 40);
ALTER TABLE probes_verdict SET (fillfactor = 70);
"""
FILL = """
ALTER TABLE probes_regionstate RESET (fillfactor);
ALTER TABLE probes_verdict RESET (fillfactor);
"""


class Migration(migrations.Migration):
    dependencies = [("probes", "0002_outcome")]

    operations = [migrations.RunSQL(LEAVE, FILL)]
