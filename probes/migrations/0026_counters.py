"""Counters for /metrics, and when a resource could last be had from a region."""

import django.contrib.postgres.fields
from django.db import migrations, models


# Every report adds to some of few rows: a new version of one then lies beside the old one (see 0003).
LEAVE = "ALTER TABLE probes_counter SET (fillfactor = 40);"
FILL = "ALTER TABLE probes_counter RESET (fillfactor);"


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0025_uptime_target'),
    ]

    operations = [
        migrations.AddField(
            model_name='regionstate',
            name='success_slot',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name='Counter',
            fields=[
                ('pk', models.CompositePrimaryKey('counted', 'key', 'region_id', 'registry_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('counted', models.CharField(choices=[('outcomes', 'outcomes'), ('durations', 'durations'), ('missed', 'missed'), ('late', 'late'), ('reports', 'reports')], max_length=16)),
                ('key', models.CharField(max_length=16)),
                ('region_id', models.BigIntegerField(default=0)),
                ('registry_id', models.BigIntegerField(default=0)),
                ('counts', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('seconds', models.FloatField(default=0.0)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('counted__in', ['outcomes', 'durations', 'missed', 'late', 'reports'])), name='counter_counts_what_is_known')],
            },
        ),
        migrations.RunSQL(LEAVE, FILL),
    ]
