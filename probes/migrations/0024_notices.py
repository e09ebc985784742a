"""Channels with their rules, and the outbox of notices (ADR 31)."""

import django.contrib.postgres.fields
import django.db.models.deletion
import probes.models.validation
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0023_quota'),
    ]

    operations = [
        migrations.CreateModel(
            name='Channel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('kind', models.CharField(choices=[('email', 'e-mail'), ('webhook', 'webhook'), ('alertmanager', 'Prometheus Alertmanager'), ('apprise', 'Apprise')], max_length=12)),
                ('is_enabled', models.BooleanField(default=True, verbose_name='enabled')),
                ('secret_encrypted', models.BinaryField(default=b'')),
                ('address', models.CharField(blank=True, editable=False, max_length=300)),
                ('sender', models.EmailField(blank=True, help_text='Of e-mail.', max_length=254)),
                ('recipients', django.contrib.postgres.fields.ArrayField(base_field=models.EmailField(max_length=254), blank=True, default=list, help_text='Of e-mail, separated by commas.', size=50)),
                ('allowed_cidrs', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=43, validators=[probes.models.validation.allowed_cidr]), blank=True, default=list, help_text='Networks besides the public ones in which a webhook or Alertmanager may be, such as 10.20.0.0/16.', size=20, verbose_name='allowed networks')),
                ('ca_pem', models.TextField(blank=True, help_text="Trusted besides the system's.", validators=[probes.models.validation.certificates], verbose_name='CA certificates')),
                ('reminder_minutes', models.PositiveIntegerField(blank=True, help_text='Tell again of an incident that nobody acknowledged, each so many minutes. Empty: never.', null=True, validators=[probes.models.validation.reminder_minutes])),
                ('failures', models.PositiveIntegerField(default=0, editable=False)),
                ('failing_since', models.DateTimeField(editable=False, null=True)),
                ('quiet_until', models.DateTimeField(editable=False, null=True)),
                ('last_error', models.CharField(blank=True, editable=False, max_length=300)),
                ('last_sent_at', models.DateTimeField(editable=False, null=True)),
                ('refreshed_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['email', 'webhook', 'alertmanager', 'apprise'])), name='channel_kind_known')],
            },
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=uuid.uuid4, unique=True)),
                ('key', models.CharField(max_length=420)),
                ('topic', models.CharField(choices=[('incident_opened', 'incident_opened'), ('incident_worse', 'incident_worse'), ('incident_flapping', 'incident_flapping'), ('incident_reminder', 'incident_reminder'), ('incident_resolved', 'incident_resolved'), ('region_condition', 'region_condition'), ('tag_moved', 'tag_moved'), ('immutable_tag_moved', 'immutable_tag_moved'), ('split_tag', 'split_tag'), ('platform_changed', 'platform_changed'), ('expiry', 'expiry'), ('quota', 'quota'), ('test', 'test')], max_length=24)),
                ('announcement', models.JSONField()),
                ('state', models.CharField(choices=[('pending', 'pending'), ('sent', 'sent'), ('failed', 'failed'), ('suppressed', 'suppressed')], default='pending', max_length=10)),
                ('created_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('last_error', models.CharField(blank=True, max_length=300)),
                ('because', models.CharField(blank=True, max_length=300)),
                ('sent_at', models.DateTimeField(null=True)),
                ('channel', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='probes.channel')),
                ('incident', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='notices', to='probes.incident')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('state', 'pending')), fields=['channel', 'due_at'], name='notice_due'), models.Index(condition=models.Q(('state', 'sent')), fields=['channel', '-sent_at'], name='notice_sent'), models.Index(fields=['state', '-id'], name='notice_state'), models.Index(fields=['created_at'], name='notice_age')],
                'constraints': [models.UniqueConstraint(fields=('channel', 'key'), name='notice_is_one_per_channel_and_key'), models.CheckConstraint(condition=models.Q(models.Q(('sent_at__isnull', False), ('state', 'sent')), models.Q(('sent_at', None), ('state__in', ['pending', 'failed', 'suppressed'])), _connector='OR'), name='notice_sent_has_its_time'), models.CheckConstraint(condition=models.Q(('topic__in', ['incident_opened', 'incident_worse', 'incident_flapping', 'incident_reminder', 'incident_resolved', 'region_condition', 'tag_moved', 'immutable_tag_moved', 'split_tag', 'platform_changed', 'expiry', 'quota', 'test'])), name='notice_topic_is_known')],
            },
        ),
        migrations.CreateModel(
            name='Rule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('topics', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('incident_opened', 'incident opened'), ('incident_worse', 'incident worse'), ('incident_flapping', 'incident flapping'), ('incident_reminder', 'incident reminder'), ('incident_resolved', 'incident resolved'), ('region_condition', 'region condition'), ('tag_moved', 'tag moved'), ('immutable_tag_moved', 'immutable tag moved'), ('split_tag', 'split tag'), ('platform_changed', 'platform changed'), ('expiry', 'expiry'), ('quota', 'quota')], max_length=24), blank=True, default=list, help_text='None chosen means all.', size=None)),
                ('severity', models.CharField(choices=[('critical', 'critical'), ('warning', 'warning'), ('info', 'info')], default='info', max_length=8, verbose_name='severity at least')),
                ('labels', models.JSONField(blank=True, default=dict, help_text='Labels that a resource has, such as {"team": "payments"}; an empty text takes any value.', validators=[probes.models.validation.labels])),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rules', to='probes.channel')),
                ('groups', models.ManyToManyField(blank=True, help_text='None chosen means all.', related_name='+', to='probes.resourcegroup')),
                ('registries', models.ManyToManyField(blank=True, help_text='None chosen means all.', related_name='+', to='probes.registry')),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('severity__in', ['critical', 'warning', 'info'])), name='rule_severity_is_known'), models.CheckConstraint(condition=models.Q(('topics__contained_by', ['incident_opened', 'incident_worse', 'incident_flapping', 'incident_reminder', 'incident_resolved', 'region_condition', 'tag_moved', 'immutable_tag_moved', 'split_tag', 'platform_changed', 'expiry', 'quota'])), name='rule_topics_are_known')],
            },
        ),
    ]
