"""Incidents of resources, with their timelines (ADR 26)."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0015_votes_seed'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Incident',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('level', models.CharField(choices=[('degraded', 'degraded'), ('unavailable', 'unavailable')], max_length=16)),
                ('worst', models.CharField(choices=[('degraded', 'degraded'), ('unavailable', 'unavailable')], max_length=16)),
                ('severity', models.CharField(choices=[('critical', 'critical'), ('warning', 'warning'), ('info', 'info')], max_length=8)),
                ('began_at', models.DateTimeField()),
                ('opened_at', models.DateTimeField()),
                ('resolved_at', models.DateTimeField(blank=True, null=True)),
                ('cause', models.CharField(blank=True, choices=[('recovered', 'recovered'), ('paused', 'paused'), ('replaced', 'replaced')], max_length=16)),
                ('is_flapping', models.BooleanField(default=False)),
                ('explanation', models.CharField(blank=True, help_text='Of the verdict that was last bad.', max_length=500)),
                ('acknowledged_at', models.DateTimeField(blank=True, null=True)),
                ('acknowledged_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('resource', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='incidents', to='probes.resource')),
            ],
            options={
                'ordering': ['-opened_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='IncidentEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('kind', models.CharField(choices=[('opened', 'opened'), ('back_dated', 'back_dated'), ('turned', 'turned'), ('flapping', 'flapping'), ('settled', 'settled'), ('resolved', 'resolved'), ('region', 'region'), ('acknowledged', 'acknowledged'), ('comment', 'comment')], max_length=16)),
                ('region', models.CharField(blank=True, max_length=40)),
                ('before', models.CharField(blank=True, max_length=16)),
                ('after', models.CharField(blank=True, max_length=16)),
                ('text', models.TextField(blank=True)),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='entries', to='probes.incident')),
            ],
            options={
                'verbose_name_plural': 'incident entries',
                'ordering': ['id'],
            },
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['resource', '-opened_at'], name='incident_of_resource'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['-opened_at', '-id'], name='incident_age'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.UniqueConstraint(condition=models.Q(('resolved_at', None)), fields=('resource',), name='incident_is_one_at_a_time_per_resource'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(('level__in', ['degraded', 'unavailable']), ('worst__in', ['degraded', 'unavailable']), ('severity__in', ['critical', 'warning', 'info'])), name='incident_level_is_known'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(('began_at__lte', models.F('opened_at'))), name='incident_began_before_it_opened'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('cause', ''), ('resolved_at', None)), models.Q(('cause__in', ['recovered', 'paused', 'replaced']), ('resolved_at__gte', models.F('began_at')), ('resolved_at__isnull', False)), _connector='OR'), name='incident_resolved_has_its_cause'),
        ),
        migrations.AddConstraint(
            model_name='incidententry',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['opened', 'back_dated', 'turned', 'flapping', 'settled', 'resolved', 'region', 'acknowledged', 'comment'])), name='incident_entry_kind_is_known'),
        ),
    ]
