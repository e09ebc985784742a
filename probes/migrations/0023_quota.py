"""The quota ledger: accounts, who waits for them, what checks cost (ADR 30)."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('probes', '0022_events'),
    ]

    operations = [
        # In the order in which checks are handed out and reports taken in: else the two would wait for each other.
        migrations.RunSQL(
            'LOCK TABLE probes_registry, probes_batch, probes_missedslots IN ACCESS EXCLUSIVE MODE',
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name='AccountCosts',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('checks', models.PositiveBigIntegerField()),
                ('requests', models.PositiveBigIntegerField()),
                ('counted', models.PositiveBigIntegerField()),
            ],
            options={
                'verbose_name_plural': 'account costs',
                'ordering': ['-day', 'account'],
            },
        ),
        migrations.CreateModel(
            name='QuotaAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('egress', models.CharField(blank=True, max_length=64)),
                ('regions', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None)),
                ('limit', models.PositiveIntegerField(blank=True, null=True)),
                ('remaining', models.PositiveIntegerField(blank=True, null=True)),
                ('window_seconds', models.PositiveIntegerField(blank=True, null=True)),
                ('source', models.CharField(blank=True, help_text='Whom the registry says that it counts.', max_length=64)),
                ('read_at', models.DateTimeField(blank=True, null=True)),
                ('buckets', models.JSONField(blank=True, default=list)),
                ('lowered', models.PositiveBigIntegerField(default=0, help_text='Checks that were lowered to a resolve so far.')),
                ('put_off', models.PositiveBigIntegerField(default=0, help_text='Slots that were put off so far.')),
                ('short_since', models.DateTimeField(blank=True, null=True)),
                ('short_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['registry', 'credential', 'egress'],
            },
        ),
        migrations.CreateModel(
            name='QuotaWait',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cost', models.PositiveIntegerField()),
                ('least', models.PositiveIntegerField(blank=True, null=True)),
                ('deep_since', models.DateTimeField(blank=True, null=True)),
                ('off_since', models.DateTimeField(blank=True, null=True)),
                ('until', models.DateTimeField()),
            ],
            options={
                'ordering': ['account', 'off_since', 'deep_since'],
            },
        ),
        migrations.CreateModel(
            name='ResourceCosts',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('checks', models.PositiveBigIntegerField()),
                ('requests', models.PositiveBigIntegerField()),
                ('counted', models.PositiveBigIntegerField()),
            ],
            options={
                'verbose_name_plural': 'resource costs',
                'ordering': ['-day', 'resource'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='missedslots',
            name='missed_cause_is_known',
        ),
        migrations.AddField(
            model_name='batch',
            name='accounts',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], default=list, size=None),
        ),
        migrations.AddField(
            model_name='batch',
            name='charges',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), db_default=[], default=list, size=None),
        ),
        migrations.AddField(
            model_name='batch',
            name='lowered',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), db_default=[], default=list, size=None),
        ),
        migrations.AddField(
            model_name='registry',
            name='quota_counts',
            field=models.CharField(blank=True, choices=[('manifests', 'each manifest that is read'), ('requests', 'each request')], db_default='', default='', help_text='Empty is automatic: manifests at Docker Hub and those that speak like it, else requests.', max_length=9, verbose_name='what counts'),
        ),
        migrations.AddField(
            model_name='registry',
            name='quota_limit',
            field=models.PositiveIntegerField(blank=True, help_text='Of a registry that tells none, for each login, and for each address without one. Goes before what it tells.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000000000)], verbose_name='own limit'),
        ),
        migrations.AddField(
            model_name='registry',
            name='quota_share_percent',
            field=models.PositiveSmallIntegerField(db_default=50, default=50, help_text='Percent of its limit, and of what is left of it, that checks may use.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)], verbose_name='share of the quota'),
        ),
        migrations.AddField(
            model_name='registry',
            name='quota_window_seconds',
            field=models.PositiveIntegerField(blank=True, help_text='Seconds within which the own limit may be used.', null=True, validators=[django.core.validators.MinValueValidator(60), django.core.validators.MaxValueValidator(604800)], verbose_name='window of the limit'),
        ),
        migrations.AlterField(
            model_name='missedslots',
            name='cause',
            field=models.CharField(choices=[('downtime', 'downtime'), ('shed', 'shed'), ('expired', 'expired'), ('lost', 'lost'), ('outdated', 'outdated'), ('quota', 'quota')], max_length=8),
        ),
        migrations.AddConstraint(
            model_name='batch',
            constraint=models.CheckConstraint(condition=models.Q(('accounts', []), ('accounts__len', models.F('slots__len')), _connector='OR'), name='batch_accounts_match_slots'),
        ),
        migrations.AddConstraint(
            model_name='batch',
            constraint=models.CheckConstraint(condition=models.Q(('charges', []), ('charges__len', models.F('slots__len')), _connector='OR'), name='batch_charges_match_slots'),
        ),
        migrations.AddConstraint(
            model_name='missedslots',
            constraint=models.CheckConstraint(condition=models.Q(('cause__in', ['downtime', 'shed', 'expired', 'lost', 'outdated', 'quota'])), name='missed_cause_is_known'),
        ),
        migrations.AddConstraint(
            model_name='registry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('quota_limit', None), ('quota_window_seconds', None)), models.Q(('quota_limit__isnull', False), ('quota_window_seconds__isnull', False)), _connector='OR'), name='registry_own_limit_has_its_window'),
        ),
        migrations.AddConstraint(
            model_name='registry',
            constraint=models.CheckConstraint(condition=models.Q(('quota_share_percent__range', (1, 100))), name='registry_quota_share_in_range'),
        ),
        migrations.AddConstraint(
            model_name='registry',
            constraint=models.CheckConstraint(condition=models.Q(('quota_counts__in', ['', 'manifests', 'requests'])), name='registry_quota_counts_is_known'),
        ),
        migrations.AddField(
            model_name='quotaaccount',
            name='credential',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='quota_accounts', to='probes.credential'),
        ),
        migrations.AddField(
            model_name='quotaaccount',
            name='registry',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='quota_accounts', to='probes.registry'),
        ),
        migrations.AddField(
            model_name='accountcosts',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='costs', to='probes.quotaaccount'),
        ),
        migrations.AddField(
            model_name='quotawait',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='waits', to='probes.quotaaccount'),
        ),
        migrations.AddField(
            model_name='quotawait',
            name='region',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='quota_waits', to='probes.region'),
        ),
        migrations.AddField(
            model_name='quotawait',
            name='resource',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='quota_waits', to='probes.resource'),
        ),
        migrations.AddField(
            model_name='resourcecosts',
            name='resource',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='costs', to='probes.resource'),
        ),
        migrations.AddConstraint(
            model_name='quotaaccount',
            constraint=models.UniqueConstraint(condition=models.Q(('credential__isnull', False)), fields=('registry', 'credential'), name='quota_account_is_one_per_credential'),
        ),
        migrations.AddConstraint(
            model_name='quotaaccount',
            constraint=models.UniqueConstraint(condition=models.Q(('credential', None)), fields=('registry', 'egress'), name='quota_account_is_one_per_address'),
        ),
        migrations.AddConstraint(
            model_name='quotaaccount',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('credential__isnull', False), ('egress', '')), models.Q(('credential', None), models.Q(('egress', ''), _negated=True)), _connector='OR'), name='quota_account_is_of_a_login_or_an_address'),
        ),
        migrations.AddConstraint(
            model_name='quotaaccount',
            constraint=models.CheckConstraint(condition=models.Q(('read_at__isnull', False), models.Q(('limit', None), ('read_at', None), ('remaining', None), ('source', ''), ('window_seconds', None)), _connector='OR'), name='quota_account_reading_has_its_time'),
        ),
        migrations.AddConstraint(
            model_name='quotaaccount',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('short_at', None), ('short_since', None)), models.Q(('short_at__isnull', False), ('short_since__isnull', False)), _connector='OR'), name='quota_account_is_short_since_and_at'),
        ),
        migrations.AddConstraint(
            model_name='accountcosts',
            constraint=models.UniqueConstraint(fields=('account', 'day'), name='account_costs_are_one_per_day'),
        ),
        migrations.AddIndex(
            model_name='quotawait',
            index=models.Index(fields=['account', 'off_since', 'deep_since', 'resource'], name='quota_wait_line'),
        ),
        migrations.AddConstraint(
            model_name='quotawait',
            constraint=models.UniqueConstraint(fields=('resource', 'region'), name='quota_wait_is_one'),
        ),
        migrations.AddConstraint(
            model_name='quotawait',
            constraint=models.CheckConstraint(condition=models.Q(('deep_since__isnull', False), ('off_since__isnull', False), _connector='OR'), name='quota_wait_is_for_something'),
        ),
        migrations.AddConstraint(
            model_name='resourcecosts',
            constraint=models.UniqueConstraint(fields=('resource', 'day'), name='resource_costs_are_one_per_day'),
        ),
    ]
