"""Events, certificates of hosts, and what is remembered of tags and platforms (ADR 29)."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0021_scopes'),
    ]

    operations = [
        # In the order in which checks are handed out and reports taken in: else the two would wait for each other.
        migrations.RunSQL(
            'LOCK TABLE probes_resource, probes_credential, probes_regionstate IN ACCESS EXCLUSIVE MODE',
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name='TagWatch',
            fields=[
                ('resource', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='tag_watch', serialize=False, to='probes.resource')),
                ('look_at', models.DateTimeField(db_index=True)),
                ('split_since', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.AddField(
            model_name='credential',
            name='expires_at',
            field=models.DateTimeField(blank=True, help_text='When what is stored here ends, if that is known: you are told 30, 14, 7 and 1 days before. Read from the token itself where that is a JWT.', null=True),
        ),
        migrations.AddField(
            model_name='regionstate',
            name='digest_since',
            field=models.DateTimeField(blank=True, help_text='The slot at which that one was first seen.', null=True),
        ),
        migrations.AddField(
            model_name='regionstate',
            name='platforms',
            field=models.JSONField(db_default={}, default=dict, help_text='Which are there, as the last check left them that looked.'),
        ),
        migrations.AddField(
            model_name='resource',
            name='is_tag_immutable',
            field=models.BooleanField(db_default=False, default=False, help_text='The tag is to point at one digest for ever: should it move, that is a critical event.'),
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('tag_moved', 'tag_moved'), ('immutable_tag_moved', 'immutable_tag_moved'), ('tag_split', 'tag_split'), ('tag_joined', 'tag_joined'), ('platform_vanished', 'platform_vanished'), ('platform_appeared', 'platform_appeared'), ('certificate_expiring', 'certificate_expiring'), ('certificate_expired', 'certificate_expired'), ('client_certificate_expiring', 'client_certificate_expiring'), ('client_certificate_expired', 'client_certificate_expired'), ('credential_expiring', 'credential_expiring'), ('credential_expired', 'credential_expired'), ('quota_short', 'quota_short')], max_length=32)),
                ('at', models.DateTimeField()),
                ('severity', models.CharField(choices=[('critical', 'critical'), ('warning', 'warning'), ('info', 'info')], max_length=8)),
                ('region', models.CharField(blank=True, help_text='The slug of the one that saw it.', max_length=40)),
                ('key', models.CharField(max_length=400, unique=True)),
                ('text', models.CharField(max_length=1000)),
                ('facts', models.JSONField(default=dict)),
                ('credential', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='probes.credential')),
                ('registry', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='probes.registry')),
                ('resource', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='probes.resource')),
            ],
            options={
                'ordering': ['-at', '-id'],
                'indexes': [models.Index(fields=['resource', '-at'], name='event_of_resource'), models.Index(fields=['-at', '-id'], name='event_age')],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['tag_moved', 'immutable_tag_moved', 'tag_split', 'tag_joined', 'platform_vanished', 'platform_appeared', 'certificate_expiring', 'certificate_expired', 'client_certificate_expiring', 'client_certificate_expired', 'credential_expiring', 'credential_expired', 'quota_short']), ('severity__in', ['critical', 'warning', 'info'])), name='event_kind_is_known'), models.CheckConstraint(condition=models.Q(('resource__isnull', False), ('registry__isnull', False), ('credential__isnull', False), _connector='OR'), name='event_is_about_something')],
            },
        ),
        migrations.CreateModel(
            name='HostCertificate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('host', models.CharField(max_length=260)),
                ('not_after', models.DateTimeField(verbose_name='expires at')),
                ('issuer', models.CharField(blank=True, max_length=300)),
                ('first_seen_at', models.DateTimeField(help_text='This certificate, from this region.')),
                ('seen_at', models.DateTimeField(db_index=True, verbose_name='last seen at')),
                ('region', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='certificates', to='probes.region')),
                ('registry', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='certificates', to='probes.registry')),
            ],
            options={
                'ordering': ['not_after', 'host', 'region'],
                'indexes': [models.Index(fields=['not_after', 'host'], name='certificate_by_end')],
                'constraints': [models.UniqueConstraint(fields=('registry', 'region', 'host'), name='certificate_is_one_per_place')],
            },
        ),
    ]
