"""Incidents of what many resources share, with theirs as children (ADR 26)."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0020_uptime_seed'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='incidententry',
            name='incident_entry_kind_is_known',
        ),
        migrations.AddField(
            model_name='incident',
            name='extent',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='incident',
            name='failure',
            field=models.CharField(blank=True, db_default='', default='', max_length=40),
        ),
        migrations.AddField(
            model_name='incident',
            name='parent',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='children', to='probes.incident'),
        ),
        migrations.AddField(
            model_name='incident',
            name='scope_kind',
            field=models.CharField(blank=True, choices=[('auth_host', 'auth_host'), ('blob_host', 'blob_host'), ('credential', 'credential'), ('repository', 'repository'), ('registry', 'registry'), ('region', 'region')], db_default='', default='', max_length=16),
        ),
        migrations.AddField(
            model_name='incident',
            name='scope_name',
            field=models.CharField(blank=True, db_default='', default='', help_text="A host, a host and its repository, a slug, or a credential's number.", max_length=520),
        ),
        migrations.AlterField(
            model_name='incident',
            name='resource',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='incidents', to='probes.resource'),
        ),
        migrations.AlterField(
            model_name='incidententry',
            name='kind',
            field=models.CharField(choices=[('opened', 'opened'), ('back_dated', 'back_dated'), ('turned', 'turned'), ('flapping', 'flapping'), ('settled', 'settled'), ('resolved', 'resolved'), ('region', 'region'), ('joined', 'joined'), ('left', 'left'), ('acknowledged', 'acknowledged'), ('comment', 'comment')], max_length=16),
        ),
        migrations.AddIndex(
            model_name='regionstate',
            index=models.Index(condition=models.Q(('ballot__in', ['impaired', 'bad'])), fields=['run_since'], name='region_state_failing'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.UniqueConstraint(condition=models.Q(('resolved_at', None), models.Q(('scope_kind', ''), _negated=True)), fields=('scope_kind', 'scope_name'), name='incident_is_one_at_a_time_per_scope'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('resource__isnull', False), ('scope_kind', ''), ('scope_name', '')), models.Q(('parent', None), ('resource', None), ('scope_kind__in', ['auth_host', 'blob_host', 'credential', 'repository', 'registry', 'region']), models.Q(('scope_name', ''), _negated=True)), _connector='OR'), name='incident_is_of_a_resource_or_a_scope'),
        ),
        migrations.AddConstraint(
            model_name='incidententry',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['opened', 'back_dated', 'turned', 'flapping', 'settled', 'resolved', 'region', 'joined', 'left', 'acknowledged', 'comment'])), name='incident_entry_kind_is_known'),
        ),
    ]
