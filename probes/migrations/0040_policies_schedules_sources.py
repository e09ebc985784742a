"""Policies and schedules that are shared, the sources that manage rows, and what is stale or retired (ADR 36)."""

import django.contrib.postgres.functions
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.comparison
import pgtrigger.compiler
import pgtrigger.migrations
import probes.models.audited
import probes.models.validation
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("probes", "0039_kept_answers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Policy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.CharField(blank=True, db_collation='C', db_default=django.db.models.functions.comparison.Cast(django.contrib.postgres.functions.RandomUUID(), models.CharField()), default='', error_messages={'unique': 'This stable name is taken.'}, help_text='By what programs and files know it. Made once where it is left empty, and kept.', max_length=100, validators=[django.core.validators.RegexValidator('\\A[a-z0-9]([a-z0-9._-]*[a-z0-9])?\\Z', 'Small letters and digits, with dots, dashes and underscores between them.', code='slug')], verbose_name='stable name')),
                ('quorum_votes', models.PositiveSmallIntegerField(blank=True, help_text='So many regions that fail are an outage.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)])),
                ('quorum_percent', models.PositiveSmallIntegerField(blank=True, help_text='Or such a share of those with a vote.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)])),
                ('minimum_votes', models.PositiveSmallIntegerField(blank=True, help_text='With fewer fresh votes the verdict is unknown, unless no more regions check it.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)])),
                ('failures', models.PositiveSmallIntegerField(blank=True, help_text='So many failures in a row turn a region bad.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)])),
                ('recoveries', models.PositiveSmallIntegerField(blank=True, help_text='So many good checks in a row turn it good again.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)])),
                ('fresh_intervals', models.PositiveSmallIntegerField(blank=True, help_text='A vote is fresh for so many intervals.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)])),
                ('severity', models.CharField(blank=True, choices=[('critical', 'critical'), ('warning', 'warning'), ('info', 'info')], db_default='', default='', max_length=8)),
                ('degraded_after_seconds', models.PositiveIntegerField(blank=True, help_text='A failure of too few regions for an outage is an incident after so many seconds.', null=True, validators=[django.core.validators.MaxValueValidator(604800)])),
                ('uptime_target_percent', models.DecimalField(blank=True, decimal_places=4, help_text='Such as 99.9: what it leaves is the error budget. With none there is no budget.', max_digits=6, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.0001')), django.core.validators.MaxValueValidator(Decimal('99.9999'))])),
                ('name', models.CharField(max_length=100, unique=True)),
                ('notes', models.TextField(blank=True)),
            ],
            options={
                'verbose_name_plural': 'policies',
                'ordering': ['name'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Schedule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.CharField(blank=True, db_collation='C', db_default=django.db.models.functions.comparison.Cast(django.contrib.postgres.functions.RandomUUID(), models.CharField()), default='', error_messages={'unique': 'This stable name is taken.'}, help_text='By what programs and files know it. Made once where it is left empty, and kept.', max_length=100, validators=[django.core.validators.RegexValidator('\\A[a-z0-9]([a-z0-9._-]*[a-z0-9])?\\Z', 'Small letters and digits, with dots, dashes and underscores between them.', code='slug')], verbose_name='stable name')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('interval_seconds', models.PositiveIntegerField(blank=True, help_text='So many seconds. Or a crontab.', null=True, validators=[probes.models.validation.interval_seconds])),
                ('crontab', models.CharField(blank=True, help_text='Minute, hour, day of the month, month, weekday: 0 7-19 * * mon-fri. Or an interval.', max_length=100)),
                ('zone', models.CharField(default='UTC', help_text='Of the crontab: Europe/Berlin, say. What its clock skips is skipped, what it shows twice is once.', max_length=60, validators=[probes.models.validation.time_zone], verbose_name='time zone')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Source',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.CharField(blank=True, db_collation='C', db_default=django.db.models.functions.comparison.Cast(django.contrib.postgres.functions.RandomUUID(), models.CharField()), default='', error_messages={'unique': 'This stable name is taken.'}, help_text='By what programs and files know it. Made once where it is left empty, and kept.', max_length=100, validators=[django.core.validators.RegexValidator('\\A[a-z0-9]([a-z0-9._-]*[a-z0-9])?\\Z', 'Small letters and digits, with dots, dashes and underscores between them.', code='slug')], verbose_name='stable name')),
                ('name', models.CharField(max_length=100)),
                ('notes', models.TextField(blank=True)),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='channel',
            name='audit',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='credential',
            name='audit',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='maintenancewindow',
            name='audit',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='region',
            name='audit',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='registry',
            name='audit',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='resource',
            name='audit',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='resourcegroup',
            name='audit',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='rule',
            name='audit',
        ),
        migrations.RemoveConstraint(
            model_name='incident',
            name='incident_resolved_has_its_cause',
        ),
        migrations.AddField(
            model_name='resource',
            name='retired_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='resource',
            name='spacing_seconds',
            field=models.PositiveIntegerField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='resource',
            name='stale_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='resource',
            name='turn',
            field=models.PositiveIntegerField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='incident',
            name='cause',
            field=models.CharField(blank=True, choices=[('recovered', 'recovered'), ('paused', 'paused'), ('replaced', 'replaced'), ('retired', 'retired')], max_length=16),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('cause', ''), ('resolved_at', None)), models.Q(('cause__in', ['recovered', 'paused', 'replaced', 'retired']), ('resolved_at__gte', models.F('began_at')), ('resolved_at__isnull', False)), _connector='OR'), name='incident_resolved_has_its_cause'),
        ),
        migrations.AddField(
            model_name='resource',
            name='policy',
            field=models.ForeignKey(blank=True, db_index=False, help_text='Whose terms hold before those of the group.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='resources', to='probes.policy'),
        ),
        migrations.AddField(
            model_name='resourcegroup',
            name='policy',
            field=models.ForeignKey(blank=True, help_text='Whose terms hold where this group has none of its own.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='groups', to='probes.policy'),
        ),
        migrations.AddField(
            model_name='resource',
            name='schedule',
            field=models.ForeignKey(blank=True, db_index=False, help_text='In place of the interval.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='resources', to='probes.schedule'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.UniqueConstraint(fields=('slug',), name='source_slug_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.CheckConstraint(condition=models.Q(('slug__regex', '\\A[a-z0-9]([a-z0-9._-]*[a-z0-9])?\\Z')), name='source_slug_is_stable'),
        ),
        migrations.AddField(
            model_name='schedule',
            name='managed_by',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='Which source makes and changes this. None: it is changed by hand.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='probes.source'),
        ),
        migrations.AddField(
            model_name='policy',
            name='managed_by',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='Which source makes and changes this. None: it is changed by hand.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='probes.source'),
        ),
        migrations.AddField(
            model_name='channel',
            name='managed_by',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='Which source makes and changes this. None: it is changed by hand.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='probes.source'),
        ),
        migrations.AddField(
            model_name='credential',
            name='managed_by',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='Which source makes and changes this. None: it is changed by hand.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='probes.source'),
        ),
        migrations.AddField(
            model_name='maintenancewindow',
            name='managed_by',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='Which source makes and changes this. None: it is changed by hand.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='probes.source'),
        ),
        migrations.AddField(
            model_name='region',
            name='managed_by',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='Which source makes and changes this. None: it is changed by hand.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='probes.source'),
        ),
        migrations.AddField(
            model_name='registry',
            name='managed_by',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='Which source makes and changes this. None: it is changed by hand.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='probes.source'),
        ),
        migrations.AddField(
            model_name='resource',
            name='managed_by',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='Which source makes and changes this. None: it is changed by hand.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='probes.source'),
        ),
        migrations.AddField(
            model_name='resourcegroup',
            name='managed_by',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='Which source makes and changes this. None: it is changed by hand.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='probes.source'),
        ),
        migrations.AddField(
            model_name='rule',
            name='managed_by',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, help_text='Which source makes and changes this. None: it is changed by hand.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='probes.source'),
        ),
        migrations.AddIndex(
            model_name='resource',
            index=models.Index(condition=models.Q(('schedule', None), _negated=True), fields=['schedule'], name='resource_schedule'),
        ),
        migrations.AddIndex(
            model_name='resource',
            index=models.Index(condition=models.Q(('policy', None), _negated=True), fields=['policy'], name='resource_policy'),
        ),
        migrations.AddIndex(
            model_name='resource',
            index=models.Index(condition=models.Q(('managed_by', None), _negated=True), fields=['managed_by'], name='resource_managed_by'),
        ),
        migrations.AddIndex(
            model_name='resource',
            index=models.Index(condition=models.Q(('retired_at', None), _negated=True), fields=['retired_at'], name='resource_retired_at'),
        ),
        migrations.AddConstraint(
            model_name='resource',
            constraint=models.CheckConstraint(condition=models.Q(('retired_at', None), ('paused_at__isnull', False), _connector='OR'), name='resource_that_is_retired_is_paused'),
        ),
        migrations.AddConstraint(
            model_name='schedule',
            constraint=models.UniqueConstraint(fields=('slug',), name='schedule_slug_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='schedule',
            constraint=models.CheckConstraint(condition=models.Q(('slug__regex', '\\A[a-z0-9]([a-z0-9._-]*[a-z0-9])?\\Z')), name='schedule_slug_is_stable'),
        ),
        migrations.AddConstraint(
            model_name='schedule',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('crontab', ''), ('interval_seconds__range', (1, 2592000))), models.Q(models.Q(('crontab', ''), _negated=True), ('interval_seconds', None)), _connector='OR'), name='schedule_is_an_interval_or_a_crontab'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.UniqueConstraint(fields=('slug',), name='policy_slug_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.CheckConstraint(condition=models.Q(('slug__regex', '\\A[a-z0-9]([a-z0-9._-]*[a-z0-9])?\\Z')), name='policy_slug_is_stable'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.CheckConstraint(condition=models.Q(('quorum_votes', None), ('quorum_percent', None), _connector='OR'), name='policy_quorum_is_one'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('quorum_votes', None), ('quorum_votes__range', (1, 100)), _connector='OR'), models.Q(('quorum_percent', None), ('quorum_percent__range', (1, 100)), _connector='OR'), models.Q(('minimum_votes', None), ('minimum_votes__range', (1, 100)), _connector='OR'), models.Q(('failures', None), ('failures__range', (1, 100)), _connector='OR'), models.Q(('recoveries', None), ('recoveries__range', (1, 100)), _connector='OR'), models.Q(('fresh_intervals', None), ('fresh_intervals__range', (1, 100)), _connector='OR'), models.Q(('degraded_after_seconds', None), ('degraded_after_seconds__lte', 604800), _connector='OR'), models.Q(('severity__in', ['', 'critical', 'warning', 'info']))), name='policy_terms_in_range'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.CheckConstraint(condition=models.Q(('uptime_target_percent', None), ('uptime_target_percent__range', (Decimal('0.0001'), Decimal('99.9999'))), _connector='OR'), name='policy_target_in_range'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='channel',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."name", OLD."kind", OLD."is_enabled", OLD."address", OLD."sender", OLD."recipients", OLD."allowed_cidrs", OLD."ca_pem", OLD."reminder_minutes", OLD."managed_by_id", OLD."secret_encrypted") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."name", NEW."kind", NEW."is_enabled", NEW."address", NEW."sender", NEW."recipients", NEW."allowed_cidrs", NEW."ca_pem", NEW."reminder_minutes", NEW."managed_by_id", NEW."secret_encrypted") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'name\', OLD."name", \'kind\', OLD."kind", \'is_enabled\', OLD."is_enabled", \'address\', OLD."address", \'sender\', OLD."sender", \'recipients\', OLD."recipients", \'allowed_cidrs\', OLD."allowed_cidrs", \'ca_pem\', OLD."ca_pem", \'reminder_minutes\', OLD."reminder_minutes", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = OLD."managed_by_id"), \'#\' || OLD."managed_by_id"), \'secret_encrypted\', OLD."secret_encrypted"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'name\', NEW."name", \'kind\', NEW."kind", \'is_enabled\', NEW."is_enabled", \'address\', NEW."address", \'sender\', NEW."sender", \'recipients\', NEW."recipients", \'allowed_cidrs\', NEW."allowed_cidrs", \'ca_pem\', NEW."ca_pem", \'reminder_minutes\', NEW."reminder_minutes", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = NEW."managed_by_id"), \'#\' || NEW."managed_by_id"), \'secret_encrypted\', NEW."secret_encrypted"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.channel\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{secret_encrypted}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='709aceef51a4a4796b05efff73e144d85a0b52d2', operation='INSERT OR DELETE OR UPDATE OF "slug", "name", "kind", "is_enabled", "address", "sender", "recipients", "allowed_cidrs", "ca_pem", "reminder_minutes", "managed_by_id", "secret_encrypted"', pgid='pgtrigger_audit_6336a', table='probes_channel', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='credential',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."registry_id", OLD."repository_prefix", OLD."region_id", OLD."label", OLD."kind", OLD."username", OLD."expires_at", OLD."managed_by_id", OLD."secret_encrypted") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."registry_id", NEW."repository_prefix", NEW."region_id", NEW."label", NEW."kind", NEW."username", NEW."expires_at", NEW."managed_by_id", NEW."secret_encrypted") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'registry\', COALESCE((SELECT other."host" FROM "probes_registry" AS other WHERE other."id" = OLD."registry_id"), \'#\' || OLD."registry_id"), \'repository_prefix\', OLD."repository_prefix", \'region\', COALESCE((SELECT other."slug" FROM "probes_region" AS other WHERE other."id" = OLD."region_id"), \'#\' || OLD."region_id"), \'label\', OLD."label", \'kind\', OLD."kind", \'username\', OLD."username", \'expires_at\', OLD."expires_at", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = OLD."managed_by_id"), \'#\' || OLD."managed_by_id"), \'secret_encrypted\', OLD."secret_encrypted"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'registry\', COALESCE((SELECT other."host" FROM "probes_registry" AS other WHERE other."id" = NEW."registry_id"), \'#\' || NEW."registry_id"), \'repository_prefix\', NEW."repository_prefix", \'region\', COALESCE((SELECT other."slug" FROM "probes_region" AS other WHERE other."id" = NEW."region_id"), \'#\' || NEW."region_id"), \'label\', NEW."label", \'kind\', NEW."kind", \'username\', NEW."username", \'expires_at\', NEW."expires_at", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = NEW."managed_by_id"), \'#\' || NEW."managed_by_id"), \'secret_encrypted\', NEW."secret_encrypted"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.credential\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{secret_encrypted}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='ba8b01627a75853436567f0f934bd835821f89d4', operation='INSERT OR DELETE OR UPDATE OF "slug", "registry_id", "repository_prefix", "region_id", "label", "kind", "username", "expires_at", "managed_by_id", "secret_encrypted"', pgid='pgtrigger_audit_e93be', table='probes_credential', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='maintenancewindow',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."name", OLD."starts_on", OLD."starts_at", OLD."zone", OLD."duration_minutes", OLD."rule", OLD."managed_by_id") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."name", NEW."starts_on", NEW."starts_at", NEW."zone", NEW."duration_minutes", NEW."rule", NEW."managed_by_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'name\', OLD."name", \'starts_on\', OLD."starts_on", \'starts_at\', OLD."starts_at", \'zone\', OLD."zone", \'duration_minutes\', OLD."duration_minutes", \'rule\', OLD."rule", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = OLD."managed_by_id"), \'#\' || OLD."managed_by_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'name\', NEW."name", \'starts_on\', NEW."starts_on", \'starts_at\', NEW."starts_at", \'zone\', NEW."zone", \'duration_minutes\', NEW."duration_minutes", \'rule\', NEW."rule", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = NEW."managed_by_id"), \'#\' || NEW."managed_by_id")); END IF; PERFORM probes_audit_note(TG_OP, \'probes.maintenancewindow\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='c5c10123dcf5f67fbd32afae62af87ff9b92531a', operation='INSERT OR DELETE OR UPDATE OF "slug", "name", "starts_on", "starts_at", "zone", "duration_minutes", "rule", "managed_by_id"', pgid='pgtrigger_audit_7eb0d', table='probes_maintenancewindow', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='region',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."name", OLD."latitude", OLD."longitude", OLD."verify_key", OLD."box_public_key", OLD."paused_at", OLD."draining_at", OLD."retired_at", OLD."managed_by_id") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."name", NEW."latitude", NEW."longitude", NEW."verify_key", NEW."box_public_key", NEW."paused_at", NEW."draining_at", NEW."retired_at", NEW."managed_by_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'name\', OLD."name", \'latitude\', OLD."latitude", \'longitude\', OLD."longitude", \'verify_key\', OLD."verify_key", \'box_public_key\', OLD."box_public_key", \'paused_at\', OLD."paused_at", \'draining_at\', OLD."draining_at", \'retired_at\', OLD."retired_at", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = OLD."managed_by_id"), \'#\' || OLD."managed_by_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'name\', NEW."name", \'latitude\', NEW."latitude", \'longitude\', NEW."longitude", \'verify_key\', NEW."verify_key", \'box_public_key\', NEW."box_public_key", \'paused_at\', NEW."paused_at", \'draining_at\', NEW."draining_at", \'retired_at\', NEW."retired_at", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = NEW."managed_by_id"), \'#\' || NEW."managed_by_id")); END IF; PERFORM probes_audit_note(TG_OP, \'probes.region\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='54f523860be494d8cbfc33f5d82dd320fe11d5e7', operation='INSERT OR DELETE OR UPDATE OF "slug", "name", "latitude", "longitude", "verify_key", "box_public_key", "paused_at", "draining_at", "retired_at", "managed_by_id"', pgid='pgtrigger_audit_7aa21', table='probes_region', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='registry',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."name", OLD."host", OLD."api_host", OLD."ca_pem", OLD."allow_cidrs", OLD."allow_hosts", OLD."resolve", OLD."trusted_auth_hosts", OLD."plain_http", OLD."quota_share_percent", OLD."quota_limit", OLD."quota_window_seconds", OLD."quota_counts", OLD."client_certificate", OLD."notes", OLD."managed_by_id", OLD."client_key_encrypted") IS NOT DISTINCT FROM ROW(NEW."name", NEW."host", NEW."api_host", NEW."ca_pem", NEW."allow_cidrs", NEW."allow_hosts", NEW."resolve", NEW."trusted_auth_hosts", NEW."plain_http", NEW."quota_share_percent", NEW."quota_limit", NEW."quota_window_seconds", NEW."quota_counts", NEW."client_certificate", NEW."notes", NEW."managed_by_id", NEW."client_key_encrypted") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'name\', OLD."name", \'host\', OLD."host", \'api_host\', OLD."api_host", \'ca_pem\', OLD."ca_pem", \'allow_cidrs\', OLD."allow_cidrs", \'allow_hosts\', OLD."allow_hosts", \'resolve\', OLD."resolve", \'trusted_auth_hosts\', OLD."trusted_auth_hosts", \'plain_http\', OLD."plain_http", \'quota_share_percent\', OLD."quota_share_percent", \'quota_limit\', OLD."quota_limit", \'quota_window_seconds\', OLD."quota_window_seconds", \'quota_counts\', OLD."quota_counts", \'client_certificate\', OLD."client_certificate", \'notes\', OLD."notes", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = OLD."managed_by_id"), \'#\' || OLD."managed_by_id"), \'client_key_encrypted\', OLD."client_key_encrypted"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'name\', NEW."name", \'host\', NEW."host", \'api_host\', NEW."api_host", \'ca_pem\', NEW."ca_pem", \'allow_cidrs\', NEW."allow_cidrs", \'allow_hosts\', NEW."allow_hosts", \'resolve\', NEW."resolve", \'trusted_auth_hosts\', NEW."trusted_auth_hosts", \'plain_http\', NEW."plain_http", \'quota_share_percent\', NEW."quota_share_percent", \'quota_limit\', NEW."quota_limit", \'quota_window_seconds\', NEW."quota_window_seconds", \'quota_counts\', NEW."quota_counts", \'client_certificate\', NEW."client_certificate", \'notes\', NEW."notes", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = NEW."managed_by_id"), \'#\' || NEW."managed_by_id"), \'client_key_encrypted\', NEW."client_key_encrypted"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.registry\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."host", OLD."host", \'\'), \'\', was, becomes, \'{client_key_encrypted}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='ffe784969faeaf38e7d949f48a32d677a980f043', operation='INSERT OR DELETE OR UPDATE OF "name", "host", "api_host", "ca_pem", "allow_cidrs", "allow_hosts", "resolve", "trusted_auth_hosts", "plain_http", "quota_share_percent", "quota_limit", "quota_window_seconds", "quota_counts", "client_certificate", "notes", "managed_by_id", "client_key_encrypted"', pgid='pgtrigger_audit_fe27f', table='probes_registry', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='resource',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."kind", OLD."slug", OLD."name", OLD."registry_id", OLD."platforms", OLD."strict_platform", OLD."depth", OLD."manifest_cadence_seconds", OLD."blobs_cadence_seconds", OLD."sample_blobs", OLD."check_tag", OLD."is_tag_immutable", OLD."interval_seconds", OLD."credential_id", OLD."group_id", OLD."policy_id", OLD."schedule_id", OLD."managed_by_id", OLD."labels", OLD."paused_at", OLD."stale_at", OLD."retired_at", OLD."quorum_votes", OLD."quorum_percent", OLD."minimum_votes", OLD."failures", OLD."recoveries", OLD."fresh_intervals", OLD."severity", OLD."degraded_after_seconds", OLD."uptime_target_percent", OLD."reference") IS NOT DISTINCT FROM ROW(NEW."kind", NEW."slug", NEW."name", NEW."registry_id", NEW."platforms", NEW."strict_platform", NEW."depth", NEW."manifest_cadence_seconds", NEW."blobs_cadence_seconds", NEW."sample_blobs", NEW."check_tag", NEW."is_tag_immutable", NEW."interval_seconds", NEW."credential_id", NEW."group_id", NEW."policy_id", NEW."schedule_id", NEW."managed_by_id", NEW."labels", NEW."paused_at", NEW."stale_at", NEW."retired_at", NEW."quorum_votes", NEW."quorum_percent", NEW."minimum_votes", NEW."failures", NEW."recoveries", NEW."fresh_intervals", NEW."severity", NEW."degraded_after_seconds", NEW."uptime_target_percent", NEW."reference") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'kind\', OLD."kind", \'slug\', OLD."slug", \'name\', OLD."name", \'registry\', COALESCE((SELECT other."host" FROM "probes_registry" AS other WHERE other."id" = OLD."registry_id"), \'#\' || OLD."registry_id"), \'platforms\', OLD."platforms", \'strict_platform\', OLD."strict_platform", \'depth\', OLD."depth", \'manifest_cadence_seconds\', OLD."manifest_cadence_seconds", \'blobs_cadence_seconds\', OLD."blobs_cadence_seconds", \'sample_blobs\', OLD."sample_blobs", \'check_tag\', OLD."check_tag", \'is_tag_immutable\', OLD."is_tag_immutable", \'interval_seconds\', OLD."interval_seconds", \'credential\', COALESCE((SELECT other."slug" FROM "probes_credential" AS other WHERE other."id" = OLD."credential_id"), \'#\' || OLD."credential_id"), \'group\', COALESCE((SELECT other."slug" FROM "probes_resourcegroup" AS other WHERE other."id" = OLD."group_id"), \'#\' || OLD."group_id"), \'policy\', COALESCE((SELECT other."slug" FROM "probes_policy" AS other WHERE other."id" = OLD."policy_id"), \'#\' || OLD."policy_id"), \'schedule\', COALESCE((SELECT other."slug" FROM "probes_schedule" AS other WHERE other."id" = OLD."schedule_id"), \'#\' || OLD."schedule_id"), \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = OLD."managed_by_id"), \'#\' || OLD."managed_by_id"), \'labels\', OLD."labels", \'paused_at\', OLD."paused_at", \'stale_at\', OLD."stale_at", \'retired_at\', OLD."retired_at", \'quorum_votes\', OLD."quorum_votes", \'quorum_percent\', OLD."quorum_percent", \'minimum_votes\', OLD."minimum_votes", \'failures\', OLD."failures", \'recoveries\', OLD."recoveries", \'fresh_intervals\', OLD."fresh_intervals", \'severity\', OLD."severity", \'degraded_after_seconds\', OLD."degraded_after_seconds", \'uptime_target_percent\', OLD."uptime_target_percent", \'reference\', OLD."reference"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'kind\', NEW."kind", \'slug\', NEW."slug", \'name\', NEW."name", \'registry\', COALESCE((SELECT other."host" FROM "probes_registry" AS other WHERE other."id" = NEW."registry_id"), \'#\' || NEW."registry_id"), \'platforms\', NEW."platforms", \'strict_platform\', NEW."strict_platform", \'depth\', NEW."depth", \'manifest_cadence_seconds\', NEW."manifest_cadence_seconds", \'blobs_cadence_seconds\', NEW."blobs_cadence_seconds", \'sample_blobs\', NEW."sample_blobs", \'check_tag\', NEW."check_tag", \'is_tag_immutable\', NEW."is_tag_immutable", \'interval_seconds\', NEW."interval_seconds", \'credential\', COALESCE((SELECT other."slug" FROM "probes_credential" AS other WHERE other."id" = NEW."credential_id"), \'#\' || NEW."credential_id"), \'group\', COALESCE((SELECT other."slug" FROM "probes_resourcegroup" AS other WHERE other."id" = NEW."group_id"), \'#\' || NEW."group_id"), \'policy\', COALESCE((SELECT other."slug" FROM "probes_policy" AS other WHERE other."id" = NEW."policy_id"), \'#\' || NEW."policy_id"), \'schedule\', COALESCE((SELECT other."slug" FROM "probes_schedule" AS other WHERE other."id" = NEW."schedule_id"), \'#\' || NEW."schedule_id"), \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = NEW."managed_by_id"), \'#\' || NEW."managed_by_id"), \'labels\', NEW."labels", \'paused_at\', NEW."paused_at", \'stale_at\', NEW."stale_at", \'retired_at\', NEW."retired_at", \'quorum_votes\', NEW."quorum_votes", \'quorum_percent\', NEW."quorum_percent", \'minimum_votes\', NEW."minimum_votes", \'failures\', NEW."failures", \'recoveries\', NEW."recoveries", \'fresh_intervals\', NEW."fresh_intervals", \'severity\', NEW."severity", \'degraded_after_seconds\', NEW."degraded_after_seconds", \'uptime_target_percent\', NEW."uptime_target_percent", \'reference\', NEW."reference"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.resource\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{}\'::text[], \'{reference}\'::text[]); RETURN NULL;', hash='ed22fe757eb119c1085f79976a98cde02e438bb3', operation='INSERT OR DELETE OR UPDATE OF "kind", "slug", "name", "registry_id", "platforms", "strict_platform", "depth", "manifest_cadence_seconds", "blobs_cadence_seconds", "sample_blobs", "check_tag", "is_tag_immutable", "interval_seconds", "credential_id", "group_id", "policy_id", "schedule_id", "managed_by_id", "labels", "paused_at", "stale_at", "retired_at", "quorum_votes", "quorum_percent", "minimum_votes", "failures", "recoveries", "fresh_intervals", "severity", "degraded_after_seconds", "uptime_target_percent", "reference"', pgid='pgtrigger_audit_143b3', table='probes_resource', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='resourcegroup',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."managed_by_id", OLD."name", OLD."notes", OLD."policy_id", OLD."quorum_votes", OLD."quorum_percent", OLD."minimum_votes", OLD."failures", OLD."recoveries", OLD."fresh_intervals", OLD."severity", OLD."degraded_after_seconds", OLD."uptime_target_percent") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."managed_by_id", NEW."name", NEW."notes", NEW."policy_id", NEW."quorum_votes", NEW."quorum_percent", NEW."minimum_votes", NEW."failures", NEW."recoveries", NEW."fresh_intervals", NEW."severity", NEW."degraded_after_seconds", NEW."uptime_target_percent") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = OLD."managed_by_id"), \'#\' || OLD."managed_by_id"), \'name\', OLD."name", \'notes\', OLD."notes", \'policy\', COALESCE((SELECT other."slug" FROM "probes_policy" AS other WHERE other."id" = OLD."policy_id"), \'#\' || OLD."policy_id"), \'quorum_votes\', OLD."quorum_votes", \'quorum_percent\', OLD."quorum_percent", \'minimum_votes\', OLD."minimum_votes", \'failures\', OLD."failures", \'recoveries\', OLD."recoveries", \'fresh_intervals\', OLD."fresh_intervals", \'severity\', OLD."severity", \'degraded_after_seconds\', OLD."degraded_after_seconds", \'uptime_target_percent\', OLD."uptime_target_percent"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = NEW."managed_by_id"), \'#\' || NEW."managed_by_id"), \'name\', NEW."name", \'notes\', NEW."notes", \'policy\', COALESCE((SELECT other."slug" FROM "probes_policy" AS other WHERE other."id" = NEW."policy_id"), \'#\' || NEW."policy_id"), \'quorum_votes\', NEW."quorum_votes", \'quorum_percent\', NEW."quorum_percent", \'minimum_votes\', NEW."minimum_votes", \'failures\', NEW."failures", \'recoveries\', NEW."recoveries", \'fresh_intervals\', NEW."fresh_intervals", \'severity\', NEW."severity", \'degraded_after_seconds\', NEW."degraded_after_seconds", \'uptime_target_percent\', NEW."uptime_target_percent"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.resourcegroup\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='2340dcba0c23b6db7c1fe9ee6576b1d8f24db4db', operation='INSERT OR DELETE OR UPDATE OF "slug", "managed_by_id", "name", "notes", "policy_id", "quorum_votes", "quorum_percent", "minimum_votes", "failures", "recoveries", "fresh_intervals", "severity", "degraded_after_seconds", "uptime_target_percent"', pgid='pgtrigger_audit_a4499', table='probes_resourcegroup', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='rule',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."channel_id", OLD."topics", OLD."severity", OLD."labels", OLD."managed_by_id") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."channel_id", NEW."topics", NEW."severity", NEW."labels", NEW."managed_by_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'channel\', COALESCE((SELECT other."slug" FROM "probes_channel" AS other WHERE other."id" = OLD."channel_id"), \'#\' || OLD."channel_id"), \'topics\', OLD."topics", \'severity\', OLD."severity", \'labels\', OLD."labels", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = OLD."managed_by_id"), \'#\' || OLD."managed_by_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'channel\', COALESCE((SELECT other."slug" FROM "probes_channel" AS other WHERE other."id" = NEW."channel_id"), \'#\' || NEW."channel_id"), \'topics\', NEW."topics", \'severity\', NEW."severity", \'labels\', NEW."labels", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = NEW."managed_by_id"), \'#\' || NEW."managed_by_id")); END IF; PERFORM probes_audit_note(TG_OP, \'probes.rule\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='704fe976a8beafc56c7de7014110c3bcf6adcb99', operation='INSERT OR DELETE OR UPDATE OF "slug", "channel_id", "topics", "severity", "labels", "managed_by_id"', pgid='pgtrigger_audit_51584', table='probes_rule', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='source',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."name", OLD."notes") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."name", NEW."notes") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'name\', OLD."name", \'notes\', OLD."notes"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'name\', NEW."name", \'notes\', NEW."notes"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.source\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='ecb7f9456fac2e8bd5a7ea61a7494e65ebf265ed', operation='INSERT OR DELETE OR UPDATE OF "slug", "name", "notes"', pgid='pgtrigger_audit_00957', table='probes_source', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='schedule',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."name", OLD."interval_seconds", OLD."crontab", OLD."zone", OLD."managed_by_id") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."name", NEW."interval_seconds", NEW."crontab", NEW."zone", NEW."managed_by_id") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'name\', OLD."name", \'interval_seconds\', OLD."interval_seconds", \'crontab\', OLD."crontab", \'zone\', OLD."zone", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = OLD."managed_by_id"), \'#\' || OLD."managed_by_id")); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'name\', NEW."name", \'interval_seconds\', NEW."interval_seconds", \'crontab\', NEW."crontab", \'zone\', NEW."zone", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = NEW."managed_by_id"), \'#\' || NEW."managed_by_id")); END IF; PERFORM probes_audit_note(TG_OP, \'probes.schedule\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='64b0439460ffcb047b9ef85d22db9d7d101eb306', operation='INSERT OR DELETE OR UPDATE OF "slug", "name", "interval_seconds", "crontab", "zone", "managed_by_id"', pgid='pgtrigger_audit_c75e6', table='probes_schedule', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='policy',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=probes.models.audited.AuditTriggerSql(declare='DECLARE was jsonb; becomes jsonb;', func='IF TG_OP = \'UPDATE\' AND ROW(OLD."slug", OLD."name", OLD."notes", OLD."managed_by_id", OLD."quorum_votes", OLD."quorum_percent", OLD."minimum_votes", OLD."failures", OLD."recoveries", OLD."fresh_intervals", OLD."severity", OLD."degraded_after_seconds", OLD."uptime_target_percent") IS NOT DISTINCT FROM ROW(NEW."slug", NEW."name", NEW."notes", NEW."managed_by_id", NEW."quorum_votes", NEW."quorum_percent", NEW."minimum_votes", NEW."failures", NEW."recoveries", NEW."fresh_intervals", NEW."severity", NEW."degraded_after_seconds", NEW."uptime_target_percent") THEN RETURN NULL; END IF; IF TG_OP <> \'INSERT\' THEN was := jsonb_build_object(\'slug\', OLD."slug", \'name\', OLD."name", \'notes\', OLD."notes", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = OLD."managed_by_id"), \'#\' || OLD."managed_by_id"), \'quorum_votes\', OLD."quorum_votes", \'quorum_percent\', OLD."quorum_percent", \'minimum_votes\', OLD."minimum_votes", \'failures\', OLD."failures", \'recoveries\', OLD."recoveries", \'fresh_intervals\', OLD."fresh_intervals", \'severity\', OLD."severity", \'degraded_after_seconds\', OLD."degraded_after_seconds", \'uptime_target_percent\', OLD."uptime_target_percent"); END IF; IF TG_OP <> \'DELETE\' THEN becomes := jsonb_build_object(\'slug\', NEW."slug", \'name\', NEW."name", \'notes\', NEW."notes", \'managed_by\', COALESCE((SELECT other."slug" FROM "probes_source" AS other WHERE other."id" = NEW."managed_by_id"), \'#\' || NEW."managed_by_id"), \'quorum_votes\', NEW."quorum_votes", \'quorum_percent\', NEW."quorum_percent", \'minimum_votes\', NEW."minimum_votes", \'failures\', NEW."failures", \'recoveries\', NEW."recoveries", \'fresh_intervals\', NEW."fresh_intervals", \'severity\', NEW."severity", \'degraded_after_seconds\', NEW."degraded_after_seconds", \'uptime_target_percent\', NEW."uptime_target_percent"); END IF; PERFORM probes_audit_note(TG_OP, \'probes.policy\', COALESCE(NEW."id"::text, OLD."id"::text, \'\'), COALESCE(NEW."slug", OLD."slug", \'\'), \'\', was, becomes, \'{}\'::text[], \'{}\'::text[]); RETURN NULL;', hash='a94424c8ee2eec680cceebf5dd688b136d2d3647', operation='INSERT OR DELETE OR UPDATE OF "slug", "name", "notes", "managed_by_id", "quorum_votes", "quorum_percent", "minimum_votes", "failures", "recoveries", "fresh_intervals", "severity", "degraded_after_seconds", "uptime_target_percent"', pgid='pgtrigger_audit_32732', table='probes_policy', when='AFTER')),
        ),
    ]
