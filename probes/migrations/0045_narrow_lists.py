"""What lists are narrowed by, where there is little of it or nothing: found without looking at all (ADR 43)."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.conf import settings
from django.db import migrations, models


# Beside the index of all that is not available, which is in the order of a list: of one status, and of one reason.
TROUBLE = """
CREATE INDEX probes_outcome_by_status ON probes_outcome (status, slot, id) WHERE status <> 'available';
CREATE INDEX probes_outcome_by_reason ON probes_outcome (reason, slot, id) WHERE status <> 'available';
"""
NO_TROUBLE = "DROP INDEX probes_outcome_by_status; DROP INDEX probes_outcome_by_reason;"


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0044_run_asked_with'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['kind', '-at', '-id'], name='event_by_kind'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['severity', '-at', '-id'], name='event_by_severity'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['severity', '-opened_at', '-id'], name='incident_by_severity'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['level', '-opened_at', '-id'], name='incident_by_level'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['failure', '-opened_at', '-id'], name='incident_by_failure'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(condition=models.Q(('acknowledged_at__isnull', False)), fields=['-opened_at', '-id'], name='incident_acknowledged'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=django.contrib.postgres.indexes.GinIndex(models.Func(models.F('scope_name'), models.F('scope_label'), models.Value(''), models.Value(''), function='probes_words', output_field=django.contrib.postgres.search.SearchVectorField()), condition=models.Q(('scope_kind', ''), _negated=True), name='incident_scope_words'),
        ),
        migrations.AddIndex(
            model_name='incidententry',
            index=models.Index(condition=models.Q(('region', ''), _negated=True), fields=['region', 'incident'], name='incident_entry_of_region'),
        ),
        migrations.AddIndex(
            model_name='regionstate',
            index=models.Index(condition=models.Q(('status', 'available'), _negated=True), fields=['status', 'region', 'resource'], name='region_state_not_available'),
        ),
        migrations.RunSQL(TROUBLE, NO_TROUBLE),
    ]
