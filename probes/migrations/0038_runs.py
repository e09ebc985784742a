"""Checks that somebody ordered and may wait for (ADR 39)."""

import django.contrib.postgres.fields
import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0037_provider_identity'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='batch',
            name='run_id',
            field=models.BigIntegerField(blank=True, help_text='The run that it was drawn up for.', null=True),
        ),
        migrations.CreateModel(
            name='Run',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('kind', models.CharField(choices=[('check', 'check'), ('probe', 'probe')], max_length=8)),
                ('asked_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField(help_text='When the last of its batches has expired, and its report had time.')),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('regions', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), help_text='Slugs of the regions that were asked.', size=None)),
                ('depth', models.CharField(blank=True, choices=[('resolve', 'resolve'), ('manifest', 'manifest'), ('platform', 'platform'), ('blobs', 'blobs')], max_length=8, null=True)),
                ('reference', models.CharField(blank=True, max_length=1024)),
                ('platforms', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, default=list, size=None)),
                ('credential', models.CharField(blank=True, help_text='The slug of what a probe logged in with.', max_length=100)),
                ('asked_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-asked_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='RunCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slot', models.DateTimeField()),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('done', 'done'), ('missed', 'missed'), ('refused', 'refused')], max_length=8)),
                ('refusal', models.CharField(blank=True, choices=[('not_its_region', 'not_its_region'), ('outdated', 'outdated'), ('quota', 'quota'), ('retired', 'retired')], max_length=16)),
                ('answered_at', models.DateTimeField(blank=True, null=True)),
                ('checked_at', models.DateTimeField(blank=True, null=True)),
                ('duration_ms', models.PositiveIntegerField(blank=True, null=True)),
                ('status', models.CharField(blank=True, choices=[('available', 'available'), ('unavailable', 'unavailable'), ('degraded', 'degraded'), ('indeterminate', 'indeterminate'), ('config_error', 'config_error')], max_length=16)),
                ('reason', models.CharField(blank=True, max_length=40)),
                ('stage', models.CharField(blank=True, choices=[('parse', 'parse'), ('dns', 'dns'), ('connect', 'connect'), ('tls', 'tls'), ('challenge', 'challenge'), ('token', 'token'), ('manifest', 'manifest'), ('index', 'index'), ('child', 'child'), ('config', 'config'), ('layer', 'layer'), ('request', 'request'), ('redirect', 'redirect')], max_length=16, null=True)),
                ('host', models.CharField(blank=True, max_length=260, null=True)),
                ('confidence', models.CharField(blank=True, choices=[('definite', 'definite'), ('ambiguous', 'ambiguous')], max_length=16)),
                ('depth', models.CharField(blank=True, choices=[('resolve', 'resolve'), ('manifest', 'manifest'), ('platform', 'platform'), ('blobs', 'blobs')], max_length=8, null=True)),
                ('digest', models.CharField(blank=True, max_length=140, null=True)),
                ('is_egress_down', models.BooleanField(default=False)),
                ('document', models.JSONField(blank=True, null=True)),
                ('region', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='probes.region')),
                ('resource', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='probes.resource')),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='checks', to='probes.run')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['-asked_at', '-id'], name='run_age'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['asked_by', '-asked_at', '-id'], name='run_of_somebody'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('finished_at', None)), fields=['ends_at'], name='run_open'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['check', 'probe'])), name='run_kind_is_known'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'probe'), models.Q(('reference', ''), _negated=True)), models.Q(('credential', ''), ('kind', 'check'), ('reference', '')), _connector='OR'), name='run_probe_names_what'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__gte', models.F('asked_at'))), name='run_ends_after_it_began'),
        ),
        migrations.AddIndex(
            model_name='runcheck',
            index=models.Index(fields=['run', 'region'], name='runcheck_of_region'),
        ),
        migrations.AddIndex(
            model_name='runcheck',
            index=models.Index(condition=models.Q(('resource', None), ('state', 'waiting')), fields=['region'], name='runcheck_probing'),
        ),
        migrations.AddConstraint(
            model_name='runcheck',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'done', 'missed', 'refused'])), name='runcheck_state_is_known'),
        ),
        migrations.AddConstraint(
            model_name='runcheck',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('answered_at__isnull', False), ('state', 'done'), models.Q(('status', ''), _negated=True)), models.Q(models.Q(('state', 'done'), _negated=True), ('answered_at', None), ('document', None), ('status', '')), _connector='OR'), name='runcheck_done_has_its_outcome'),
        ),
        migrations.AddConstraint(
            model_name='runcheck',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'refused'), models.Q(('refusal', ''), _negated=True)), models.Q(models.Q(('state', 'refused'), _negated=True), ('refusal', '')), _connector='OR'), name='runcheck_refused_says_why'),
        ),
    ]
